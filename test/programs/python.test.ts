// `npm run test:programs`: Python's own tests of numbers, text and data.
import { debianRoot, suite } from './suite.ts'

suite(debianRoot, 'python')
