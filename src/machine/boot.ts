// A whole machine on one page: memory → CPU → buses → devices → kernel → run.

import { randomFillSync } from 'node:crypto'
import { loadLinux, withImageFile } from '../boot/index.ts'
import { MmioBus, PortBus } from '../bus/index.ts'
import { CpuThread } from '../engine/index.ts'
import { GuestMemory } from '../memory/index.ts'
import * as platform from '../platform/index.ts'
import { FileBlockBackend, Serial } from '../platform/index.ts'
import {
  BlkDevice,
  ConsoleDevice,
  MmioTransport,
  RngDevice,
  type VirtioDevice,
  VsockDevice,
} from '../virtio/index.ts'
import {
  PIT_PORT,
  PIT_PORTS,
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
  /** Paths of the kernel (ELF) and the initramfs (cpio). */
  readonly kernel: string
  readonly initramfs: string
  /** Files that become /dev/vda, /dev/vdb …; the first is the root, an EROFS image. */
  readonly disks: readonly { readonly path: string; readonly readonly: boolean }[]
  /** The console is a virtio one from the start of its driver on, instead of the serial port. */
  readonly virtioConsole: boolean
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
  'quiet',
  'panic=-1',
  'reboot=k',
  'no_timer_check',
  'noreplace-smp',
  'lpj=4000000',
  'tsc=reliable',
  '8250.nr_uarts=1',
]

const SERIAL_CONSOLE_PARAMETERS = ['console=ttyS0']
/** Until the virtio console's driver is up, the serial port has the log: what came before would be lost. */
const VIRTIO_CONSOLE_PARAMETERS = ['earlyprintk=serial,ttyS0', 'console=hvc0']

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
    ended: (reason, error) => end(reason, error),
  })
  const memory = new GuestMemory(cpu.memory.buffer, cpu.guestBase, plan.ramBytes, (address, length) =>
    cpu.written(address, length),
  )
  const disks: FileBlockBackend[] = []
  const vsock = new VsockDevice()
  const serial = new Serial({ line: { raise: () => cpu.raise(SERIAL_IRQ) }, output: plan.onConsole })

  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= tearDown()
    return closing
  }
  const tearDown = async (): Promise<void> => {
    await cpu.close()
    // Work that a device has booked for a later turn then finds a dead queue.
    for (const transport of transports) transport.reset()
    serial.flush()
    vsock.close()
    for (const disk of disks) disk.close()
  }

  /** Nothing in a guest that is over matters any more: its CPU stops, whatever it was doing. */
  const end = (reason: string, error?: Error): void => {
    void close()
    plan.onEnd(reason, error)
  }

  try {
    registerPorts(ports, serial, end)
    for (const { path, readonly } of plan.disks) disks.push(new FileBlockBackend(path, { readonly }))
    const devices: VirtioDevice[] = [
      ...disks.map((backend, i) => new BlkDevice({ backend, id: i === 0 ? 'root' : `disk${i}` })),
      vsock,
      new RngDevice(randomFillSync),
      ...(plan.virtioConsole ? [new ConsoleDevice({ output: plan.onConsole })] : []),
    ]
    for (const [i, device] of devices.entries()) {
      const line = { raise: () => cpu.raise(VIRTIO_IRQS[i]!) }
      const transport = new MmioTransport({ device, memory, window: cpu.window(i), line })
      transports.push(transport)
      mmio.register(VIRTIO_BASE + i * VIRTIO_WINDOW_BYTES, VIRTIO_WINDOW_BYTES, transport)
    }
    const commandLine = [
      ...(plan.virtioConsole ? VIRTIO_CONSOLE_PARAMETERS : SERIAL_CONSOLE_PARAMETERS),
      ...KERNEL_PARAMETERS,
      ...devices.map((_, i) => virtioParameter(i)),
      ...plan.kernelParameters,
    ].join(' ')
    const entry = await withImageFile(plan.kernel, (kernel) =>
      withImageFile(plan.initramfs, (initramfs) => loadLinux(memory, { kernel, initramfs, commandLine })),
    )
    cpu.start(entry)
    return { cpu, memory, vsock, transports, mmio, ports, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What a PC has at its ports, as far as this kernel looks for it. */
function registerPorts(
  ports: PortBus,
  serial: Serial,
  onPower: (request: platform.PowerRequest) => void,
): void {
  ports.register(SERIAL_PORT, SERIAL_PORTS, serial)
  ports.register(platform.PIC_MASTER_PORT, platform.PIC_PORTS, new platform.Pic('pic-master'))
  ports.register(platform.PIC_SLAVE_PORT, platform.PIC_PORTS, new platform.Pic('pic-slave'))
  ports.register(platform.RTC_PORT, platform.RTC_PORTS, new platform.Rtc())
  ports.register(
    platform.KEYBOARD_CONTROLLER_PORT,
    platform.KEYBOARD_CONTROLLER_PORTS,
    new platform.KeyboardController(onPower),
  )
  ports.register(
    platform.RESET_CONTROL_PORT,
    platform.RESET_CONTROL_PORTS,
    new platform.ResetControl(onPower),
  )
  ports.register(
    platform.POWER_CONTROL_PORT,
    platform.POWER_CONTROL_PORTS,
    new platform.PowerControl(onPower),
  )
  ports.ignore(PIT_PORT, PIT_PORTS, 'PIT')
}
