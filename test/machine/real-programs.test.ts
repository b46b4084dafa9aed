// The quick group of the suite of real programs (test/programs/), when its Debian root is in the cache already and we
// may chroot into it. `npm run test:programs` makes that root and runs all groups.
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { suite } from '../programs/suite.ts'

const script = fileURLToPath(new URL('../../../scripts/debian-root.mjs', import.meta.url))
const root = execFileSync(process.execPath, [script, '--cached'], { encoding: 'utf8' }).trim()
if (root !== '' && process.getuid?.() === 0) suite(root, ['quick'])
else test('real programs', { skip: 'no Debian root is cached, or not root: npm run test:programs' }, () => {})
