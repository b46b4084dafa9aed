// `npm run test:programs`, its first part. Each part is a file of its own, with a machine of its own: where there are
// enough CPUs they run at the same time.
import { debianRoot } from './debian-root.ts'
import { suite } from './suite.ts'

suite(debianRoot, 'quick', 'programs')
