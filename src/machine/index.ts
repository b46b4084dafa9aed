// machine/: a machine and its life.
export { Machine } from './machine.ts'
export { type Disk, type MachineOptions, memoryBytes } from './options.ts'
export { type HotPlace, MachineProfile, type ProfileReport } from './profile.ts'
export { type Started, startMachine } from './start.ts'
