// `npm run soak`: all set-up, then test/soak/main.ts with the arguments given.
import { inRoot } from './lib/paths.mjs'
import { main, runVisibly } from './lib/run.mjs'
import { setUp } from './setup.mjs'

await main(async () => {
  await setUp({ packages: ['build', 'test', 'programs'] })
  return runVisibly(process.execPath, [inRoot('build/test/soak/main.js'), ...process.argv.slice(2)])
})
