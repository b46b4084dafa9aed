// `npm run test:programs`: gcc and what it compiles, at several levels of optimization.
import { debianRoot } from './debian-root.ts'
import { suite } from './suite.ts'

suite(debianRoot, 'compilers')
