// machine/: a machine and its life.
export { Machine, type Started, startMachine } from './machine.ts'
export { type Disk, type MachineOptions, memoryBytes } from './options.ts'
