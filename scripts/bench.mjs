// `npm run bench`: all set-up, then the benchmarks, with whatever arguments they were given (see bench/main.ts).
import { inRoot } from './lib/paths.mjs'
import { main, runVisibly } from './lib/run.mjs'
import { setUp } from './setup.mjs'

await main(async () => {
  await setUp({ packages: ['build', 'test'] })
  return runVisibly(process.execPath, [inRoot('build/bench/main.js'), ...process.argv.slice(2)])
})
