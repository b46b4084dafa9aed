// `npm run soak`: all set-up, then the soak, with whatever arguments it was given: see test/soak/main.ts.
import { inRoot } from './lib/paths.mjs'
import { main, runVisibly } from './lib/run.mjs'
import { setUp } from './setup.mjs'

await main(async () => {
  await setUp({ packages: ['build', 'programs'] })
  const program = inRoot('build/test/soak/main.js')
  return runVisibly(process.execPath, [
    '--enable-source-maps',
    '--expose-gc',
    program,
    ...process.argv.slice(2),
  ])
})
