// cli/: the command `inlinux`. Written against the front door only, like any program that uses the library.
export { cli } from './cli.ts'
export { type Ending, end } from './ending.ts'
