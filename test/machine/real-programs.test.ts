// The quick group of the suite of real programs (test/programs/), when its Debian root is in the cache already and we
// may chroot into it. `npm run test:programs` makes that root and runs all groups.
import { test } from 'node:test'
import { debianRoot } from '../programs/debian-root.ts'
import { suite } from '../programs/suite.ts'

const root = debianRoot('--cached')
if (root !== '' && process.getuid?.() === 0) suite(() => root, 'quick')
else test('real programs', { skip: 'no Debian root is cached, or not root: npm run test:programs' }, () => {})
