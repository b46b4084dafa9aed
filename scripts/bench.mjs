// `npm run bench` and `npm run bench:cpu` (which is `bench.mjs cpu`): all set-up, then the benchmarks, with whatever
// arguments they were given (see bench/main.ts and bench/cpu/main.ts).
import { inRoot } from './lib/paths.mjs'
import { main, runVisibly } from './lib/run.mjs'
import { setUp } from './setup.mjs'

await main(async () => {
  const [first, ...others] = process.argv.slice(2)
  const cpu = first === 'cpu'
  await setUp({ packages: ['build', 'test', ...(cpu ? ['programs'] : [])] })
  const program = inRoot(cpu ? 'build/bench/cpu/main.js' : 'build/bench/main.js')
  return runVisibly(process.execPath, [program, ...(cpu ? others : process.argv.slice(2))])
})
