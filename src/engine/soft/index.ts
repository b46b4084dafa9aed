// engine/soft/: our own x86-64 CPU. core/ is the AssemblyScript part, table/ the instruction table it is made from.
export { readActivity } from './activity.ts'
export { loadCore } from './core-module.ts'
export { GUEST_BASE, MAILBOX, PAGES, WINDOW_COUNT, WINDOW_SIZE, WINDOWS } from './layout.ts'
export { connectTranslator, translatorFromEnvironment } from './translator/index.ts'
export { readCounters, SoftVcpu } from './vcpu.ts'
