// `npm run test:fuzz`: all set-up, then random programs, with whatever arguments it was given: see
// test/fuzz-programs/main.ts.
import { inRoot } from './lib/paths.mjs'
import { main, runVisibly } from './lib/run.mjs'
import { setUp } from './setup.mjs'

await main(async () => {
  await setUp({ packages: ['build', 'test'] })
  return runVisibly(process.execPath, [
    '--enable-source-maps',
    inRoot('build/test/fuzz-programs/main.js'),
    ...process.argv.slice(2),
  ])
})
