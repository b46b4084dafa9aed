// native/: what only the operating system can do for us, where it can be asked.
export { collapseHugePages, useHugePages } from './huge-pages.ts'
