// bus/: address → device, for memory-mapped and port I/O.
export type { AccessWidth, BusDevice, InterruptLine, RegisterWindow } from './device.ts'
export { type BusCounters, MmioBus } from './mmio-bus.ts'
export { PortBus } from './port-bus.ts'
