// `npm run demo`: all set-up, then the catsay example. `npm run demo -- cat some words` chooses animal and words.
import { inRoot } from './lib/paths.mjs'
import { main, runVisibly } from './lib/run.mjs'
import { setUp } from './setup.mjs'

await main(async () => {
  await setUp()
  const example = inRoot('scripts/demo-catsay.mjs')
  return runVisibly(process.execPath, ['--enable-source-maps', example, ...process.argv.slice(2)])
})
