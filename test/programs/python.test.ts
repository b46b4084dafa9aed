// `npm run test:programs`: Python's own tests of numbers, text and data.
import { debianRoot } from './debian-root.ts'
import { suite } from './suite.ts'

suite(debianRoot, 'python')
