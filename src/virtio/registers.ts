// Numbers of the virtio specification that the transport and its tests share, spelt as there.

/** virtio 1.2, 4.2.2: MMIO device register layout; offsets in bytes from the start of the window. */
export const MagicValue = 0x000
export const Version = 0x004
export const DeviceID = 0x008
export const VendorID = 0x00c
export const DeviceFeatures = 0x010
export const DeviceFeaturesSel = 0x014
export const DriverFeatures = 0x020
export const DriverFeaturesSel = 0x024
export const QueueSel = 0x030
export const QueueNumMax = 0x034
export const QueueNum = 0x038
export const QueueReady = 0x044
export const QueueNotify = 0x050
export const InterruptStatus = 0x060
export const InterruptACK = 0x064
export const Status = 0x070
export const QueueDescLow = 0x080
export const QueueDescHigh = 0x084
export const QueueDriverLow = 0x090
export const QueueDriverHigh = 0x094
export const QueueDeviceLow = 0x0a0
export const QueueDeviceHigh = 0x0a4
export const SHMSel = 0x0ac
export const SHMLenLow = 0x0b0
export const SHMLenHigh = 0x0b4
export const SHMBaseLow = 0x0b8
export const SHMBaseHigh = 0x0bc
export const ConfigGeneration = 0x0fc
export const Config = 0x100

export const WINDOW_BYTES = 0x1000
/** "virt", little-endian. */
export const MAGIC = 0x7472_6976
/** Who made the device; drivers do not care. "INLX". */
export const VENDOR = 0x584c_4e49

/** virtio 1.2, 2.1: device status bits. */
export const ACKNOWLEDGE = 1
export const DRIVER = 2
export const DRIVER_OK = 4
export const FEATURES_OK = 8
export const DEVICE_NEEDS_RESET = 64
export const FAILED = 128

/** virtio 1.2, 4.2.2: bits of InterruptStatus. */
export const INTERRUPT_USED_BUFFER = 1
export const INTERRUPT_CONFIG_CHANGE = 2

/** virtio 1.2, 6: features of transport and queues, as masks. */
export const VIRTIO_F_INDIRECT_DESC: bigint = 1n << 28n
export const VIRTIO_F_EVENT_IDX: bigint = 1n << 29n
export const VIRTIO_F_VERSION_1: bigint = 1n << 32n

/** virtio 1.2, 2.7.5: descriptor flags. */
export const VIRTQ_DESC_F_NEXT = 1
export const VIRTQ_DESC_F_WRITE = 2
export const VIRTQ_DESC_F_INDIRECT = 4
export const DESCRIPTOR_BYTES = 16

/** virtio 1.2, 2.7.6 and 2.7.8: flags of the two rings. */
export const VIRTQ_AVAIL_F_NO_INTERRUPT = 1
export const VIRTQ_USED_F_NO_NOTIFY = 1
