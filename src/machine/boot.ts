// A whole machine on one page: memory → CPU → buses → devices → kernel → run.

import { randomFillSync } from 'node:crypto'
import { loadLinux } from '../boot/index.ts'
import { MmioBus, PortBus } from '../bus/index.ts'
import { CpuThread } from '../engine/index.ts'
import { GuestMemory } from '../memory/index.ts'
import * as platform from '../platform/index.ts'
import { BlkDevice, MmioTransport, RngDevice, type VirtioDevice, VsockDevice } from '../virtio/index.ts'
import {
  SERIAL_IRQ,
  SERIAL_PORT,
  SERIAL_PORTS,
  VIRTIO_BASE,
  VIRTIO_IRQS,
  VIRTIO_WINDOW_BYTES,
  virtioParameter,
} from './memory-map.ts'

export interface BootPlan {
  readonly ramBytes: number
  readonly kernel: Uint8Array
  readonly initramfs: Uint8Array
  /** Path of the EROFS image that becomes /dev/vda. */
  readonly root: string
  readonly kernelParameters: readonly string[]
  readonly onConsole: (bytes: Uint8Array) => void
  /** The guest asked for a reset or power-off, or its CPU stopped: it is over. */
  readonly onEnd: (reason: string, error?: Error) => void
}

/** The parts of a running machine that the rest of the room deals with. */
export interface RunningMachine {
  readonly cpu: CpuThread
  readonly memory: GuestMemory
  readonly vsock: VsockDevice
  readonly transports: readonly MmioTransport[]
  readonly mmio: MmioBus
  readonly ports: PortBus
  close(): Promise<void>
}

/**
 * The kernel's parameters. `quiet`: printing costs more than booting. `lpj`: no calibration of a delay loop.
 * `noreplace-smp`, `no_timer_check`: nothing to patch, nothing to doubt. `reboot=k`: through the keyboard controller,
 * which we have. `panic=-1`: a panic ends the machine at once.
 */
const KERNEL_PARAMETERS = [
  'console=ttyS0',
  'quiet',
  'panic=-1',
  'reboot=k',
  'no_timer_check',
  'noreplace-smp',
  'lpj=4000000',
  'tsc=reliable',
  '8250.nr_uarts=1',
]

export async function boot(plan: BootPlan): Promise<RunningMachine> {
  const mmio = new MmioBus()
  const ports = new PortBus()
  const transports: MmioTransport[] = []

  const cpu = await CpuThread.create(plan.ramBytes, {
    mmioRead: (address, width) => (width === 8 ? mmio.read64(address) : BigInt(mmio.read(address, width))),
    mmioWrite: (address, width, value) =>
      width === 8 ? mmio.write64(address, value) : mmio.write(address, width, Number(value)),
    portRead: (port, width) => ports.read(port, width),
    portWrite: (port, width, value) => ports.write(port, width, value),
    notified: (device, queues) => {
      for (let queue = 0; queue < 32; queue++) if (queues & (1 << queue)) transports[device]?.notify(queue)
    },
    ended: plan.onEnd,
  })
  const memory = new GuestMemory(cpu.memory.buffer, cpu.guestBase, plan.ramBytes, (address, length) =>
    cpu.written(address, length),
  )

  const end = (request: platform.PowerRequest): void => plan.onEnd(request)
  const serial = new platform.Serial({ line: { raise: () => cpu.raise(SERIAL_IRQ) }, output: plan.onConsole })
  ports.register(SERIAL_PORT, SERIAL_PORTS, serial)
  ports.register(platform.PIC_MASTER_PORT, platform.PIC_PORTS, new platform.Pic('pic-master'))
  ports.register(platform.PIC_SLAVE_PORT, platform.PIC_PORTS, new platform.Pic('pic-slave'))
  ports.register(platform.RTC_PORT, platform.RTC_PORTS, new platform.Rtc())
  ports.register(
    platform.KEYBOARD_CONTROLLER_PORT,
    platform.KEYBOARD_CONTROLLER_PORTS,
    new platform.KeyboardController(end),
  )
  ports.register(platform.RESET_CONTROL_PORT, platform.RESET_CONTROL_PORTS, new platform.ResetControl(end))
  ports.register(platform.POWER_CONTROL_PORT, platform.POWER_CONTROL_PORTS, new platform.PowerControl(end))

  ports.ignore(0x40, 4, 'PIT')

  const disk = new platform.FileBlockBackend(plan.root)
  const vsock = new VsockDevice()
  const devices: VirtioDevice[] = [
    new BlkDevice({ backend: disk, id: 'root' }),
    vsock,
    new RngDevice(randomFillSync),
  ]
  for (const [i, device] of devices.entries()) {
    const line = { raise: () => cpu.raise(VIRTIO_IRQS[i]!) }
    const transport = new MmioTransport({ device, memory, window: cpu.window(i), line })
    transports.push(transport)
    mmio.register(VIRTIO_BASE + i * VIRTIO_WINDOW_BYTES, VIRTIO_WINDOW_BYTES, transport)
  }

  const parameters = [
    ...KERNEL_PARAMETERS,
    ...devices.map((_, i) => virtioParameter(i)),
    ...plan.kernelParameters,
  ]
  const entry = loadLinux(memory, {
    kernel: plan.kernel,
    initramfs: plan.initramfs,
    commandLine: parameters.join(' '),
  })
  cpu.start(entry)

  const close = async (): Promise<void> => {
    await cpu.close()
    // Work that a device has booked for a later turn then finds a dead queue.
    for (const transport of transports) transport.reset()
    serial.flush()
    vsock.close()
    disk.close()
  }
  return { cpu, memory, vsock, transports, mmio, ports, close }
}
