// machine/: a machine and its life.
export { Machine, type Started, startMachine } from './machine.ts'
export { type MachineOptions, memoryBytes } from './options.ts'
