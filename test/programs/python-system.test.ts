// `npm run test:programs`: Python's own tests of processes, threads, sockets, signals and time.
import { debianRoot } from './debian-root.ts'
import { suite } from './suite.ts'

suite(debianRoot, 'python-system')
