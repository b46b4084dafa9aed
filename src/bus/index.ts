// bus/: address → device, for memory-mapped and port I/O.
export type { AccessWidth, BusDevice, InterruptLine, RegisterWindow } from './device.ts'
