// `npm run test:programs`: gcc and what it compiles, at several levels of optimization.
import { debianRoot, suite } from './suite.ts'

suite(debianRoot, 'compilers')
