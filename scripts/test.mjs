// `npm test`: all set-up, the linters, then the tests.
//
//   node scripts/test.mjs               everything but the two long suites
//   node scripts/test.mjs cpu           the differential tests with at least 10,000 cases for every instruction
//   node scripts/test.mjs programs      real programs in a Debian root, against the same programs natively
//   node scripts/test.mjs image boot    only the tests of these folders under test/, without the linters
import path from 'node:path'
import { filesBelow, inRoot } from './lib/paths.mjs'
import { main, runVisibly, SetupError } from './lib/run.mjs'
import { lint } from './lint.mjs'
import { setUp } from './setup.mjs'

const LONGEST_TEST = 30 * 60_000 // milliseconds; a hanging guest must not hang continuous integration for ever
const suites = { cpu: 'cpu-long', programs: 'programs' }
const long = Object.values(suites)

/**
 * Suites that run guests run twice more: with every block translated at its second run and all flags exact, and with
 * the interpreter alone. What they show of the CPU must hold in both tiers.
 */
const tiers = ['force', 'off']
const inBothTiers = [
  ...['cpuid', 'debug', 'exceptions', 'hostile', 'interrupts', 'paging', 'self-modifying'].map(
    (name) => `engine/soft/${name}.test.js`,
  ),
  'machine/conformance.test.js',
  'machine/native-programs.test.js',
]

await main(async () => {
  const words = process.argv.slice(2)
  const chosen = words.map((word) => suites[word] ?? word)
  const folders = words.length === 0 ? undefined : chosen
  await setUp({ packages: chosen.includes('programs') ? ['build', 'test', 'programs'] : ['build', 'test'] })
  const linted = folders === undefined ? await lint() : 0

  const tests = (await filesBelow(inRoot('build/test')))
    .filter((file) => file.endsWith('.test.js'))
    .filter((file) =>
      folders === undefined ? !long.includes(folderOf(file)) : folders.includes(folderOf(file)),
    )
    .sort()
  if (tests.length === 0) throw new SetupError(`no tests found for: ${words.join(' ') || 'npm test'}`)
  const options = ['--enable-source-maps', '--test', '--test-reporter=spec', `--test-timeout=${LONGEST_TEST}`]
  let tested = await runVisibly(process.execPath, [...options, ...tests])
  const twice = tests.filter((file) => inBothTiers.includes(path.relative(inRoot('build/test'), file)))
  for (const tier of twice.length > 0 ? tiers : []) {
    process.stdout.write(`\nThe same with INLINUX_TRANSLATOR=${tier}:\n`)
    const again = await runVisibly(process.execPath, [...options, ...twice], {
      env: { INLINUX_TRANSLATOR: tier },
    })
    if (tested === 0) tested = again
  }
  if (linted !== 0) process.stderr.write('\nThe tests ran, but the linters found something: see above.\n')
  return tested !== 0 ? tested : linted
})

function folderOf(file) {
  return path.relative(inRoot('build/test'), file).split(path.sep)[0]
}
