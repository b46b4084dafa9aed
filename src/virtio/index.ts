// virtio/: the transport, the queues, and one file for each device. To add a device, copy rng.ts.

export { type BlkCounters, BlkDevice, type BlkOptions } from './blk.ts'
export { type BlockBackend, MemoryBlockBackend, SECTOR_BYTES } from './blk-backend.ts'
export { Chain } from './chain.ts'
export { ConsoleDevice, type ConsoleOptions } from './console.ts'
export type { ActiveDriver, VirtioDevice } from './device.ts'
export { SplitQueue } from './queue.ts'
export { type EntropySource, RngDevice } from './rng.ts'
export { MmioTransport, type TransportCounters, type TransportOptions } from './transport.ts'
export { type IncomingConnection, VsockDevice, type VsockOptions } from './vsock.ts'
export { VsockStream } from './vsock-stream.ts'
