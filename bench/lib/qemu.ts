// The peer: QEMU's microvm with TCG, on the same kernel, initramfs and root as ours.
//
//    QEMU starts ── kernel ── bench/guest/init.c ── MARK ── first byte of the program ── MARK, reset ── end
//
// All times count from before `spawn`, as a user waits for them. The machine is cut down to what our own offers
// (no ACPI, no option ROM we do not need); PIT and RTC stay, because without kvmclock this kernel calibrates
// against the PIT. bench/guest/init.c comes as a second archive behind the shipped initramfs, which the kernel
// unpacks over the first.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { GuestArtefacts } from '../../src/artifacts/index.ts'
import { compileForGuest, scripts } from './guest-programs.ts'
import { type Moment, moment } from './measure.ts'

export interface QemuOptions {
  readonly guest: Pick<GuestArtefacts, 'kernel' | 'initramfs' | 'root'>
  /** Absolute path in the root, then arguments. */
  readonly program: readonly string[]
  readonly memoryMiB?: number
  /** Files that become read-only disks, /dev/vdb and on. */
  readonly disks?: readonly string[]
  /** More words for the kernel's command line. */
  readonly kernelArguments?: string
  /** Milliseconds after which QEMU is killed. */
  readonly timeout?: number
  /** From `benchInitramfs`; without it, one is made for this run only. */
  readonly initramfs?: string
}

export interface QemuRun {
  /** Milliseconds from before `spawn` to: init about to start the program, its first byte, the end of QEMU. */
  readonly toProgram: number
  readonly toFirstByte: number
  readonly toEnd: number
  /** QEMU's CPU milliseconds until the program's first byte. */
  readonly cpuToFirstByte: number
  /** When the program's output arrived: how much of it was there, and when. */
  readonly arrivals: readonly Arrival[]
  /** What the program wrote. */
  readonly output: Buffer
  /** What came before it: the kernel's messages. */
  readonly console: string
  /** QEMU was killed because of `timeout`: the times of what had not come are NaN. */
  readonly timedOut: boolean
}

export interface Arrival extends Moment {
  readonly bytes: number
}

/** A machine whose program has been started and which goes on until it is closed. */
export interface IdleQemu {
  readonly pid: number
  close(): Promise<void>
}

const MARK = Buffer.from('\x01inlinux-bench\x01')

// Our own kernel parameters (src/machine/boot.ts) as far as they apply. Measured: no_timer_check and lpj save some
// 100 ms of calibration, which our engine does not have to do either.
const KERNEL_ARGUMENTS =
  'quiet no_timer_check noreplace-smp lpj=10000000 tsc=reliable 8250.nr_uarts=1 console=ttyS0 reboot=t panic=-1 ' +
  'rdinit=/bench-init'

// Without ERMS and FSRM, because kernel and C library believe what they promise and copy by `rep movsb`, which TCG does
// byte by byte: measured, copies of 1 KB to 1 MiB take it 31 s with them and 2.6 s without. Everything else is alike.
const PROCESSOR = 'max,-erms,-fsrm'

/** Boots, runs one program, and waits for the end. */
export async function runInQemu(options: QemuOptions): Promise<QemuRun> {
  if (options.initramfs !== undefined) return runToEnd(options, options.initramfs)
  const folder = await mkdtemp(path.join(os.tmpdir(), 'inlinux-qemu-'))
  try {
    return await runToEnd(options, await benchInitramfs(options.guest, folder))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Boots a program that says nothing for long, as `/bin/sleep 1000`, and comes back when it was started. */
export async function idleInQemu(options: QemuOptions & { readonly initramfs: string }): Promise<IdleQemu> {
  const qemu = start(options, options.initramfs)
  const closed = new Promise<void>((resolve) => qemu.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    let seen = Buffer.alloc(0)
    qemu.on('error', reject)
    qemu.once('close', () => reject(new Error(`QEMU ended:\n${seen}`)))
    qemu.stdout!.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      if (seen.includes(MARK)) resolve()
    })
  })
  const close = async (): Promise<void> => {
    qemu.kill('SIGKILL')
    await closed
  }
  return { pid: qemu.pid!, close }
}

/** The initramfs for `runInQemu` and `idleInQemu`: the shipped one and bench/guest/init.c. Gives its path. */
export async function benchInitramfs(guest: QemuOptions['guest'], folder: string): Promise<string> {
  const { writeCpio } = await scripts()
  const program = await compileForGuest('init', folder)
  const second = writeCpio([{ name: 'bench-init', kind: 'file', mode: 0o755, data: await readFile(program) }])
  const initramfs = path.join(folder, 'initramfs.cpio')
  await writeFile(initramfs, Buffer.concat([await readFile(guest.initramfs), second]))
  return initramfs
}

function start(options: QemuOptions, initramfs: string): ChildProcess {
  const { guest, program, memoryMiB = 128, disks = [], kernelArguments = '', timeout = 60_000 } = options
  const machine = 'microvm,acpi=off,pic=on,pit=on,rtc=on,isa-serial=on,x-option-roms=off'
  const append = `${KERNEL_ARGUMENTS} ${kernelArguments} inlinux.exec=${program.map(encodeURIComponent).join(',')}`
  return spawn(
    'qemu-system-x86_64',
    [
      ...['-M', machine, '-accel', 'tcg', '-cpu', PROCESSOR, '-smp', '1', '-m', `${memoryMiB}M`],
      ...['-nodefaults', '-no-user-config', '-nographic', '-serial', 'stdio', '-no-reboot'],
      ...['-kernel', guest.kernel, '-initrd', initramfs, '-append', append],
      ...[guest.root, ...disks].flatMap(disk),
      ...['-device', 'virtio-rng-device'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], timeout, killSignal: 'SIGKILL' },
  )
}

function disk(file: string, i: number): string[] {
  const drive = `id=disk${i},file=${file},format=raw,if=none,readonly=on`
  return ['-drive', drive, '-device', `virtio-blk-device,drive=disk${i}`]
}

function runToEnd(options: QemuOptions, initramfs: string): Promise<QemuRun> {
  const started = performance.now()
  const qemu = start(options, initramfs)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const complaints: Buffer[] = []
    const arrivals: Arrival[] = []
    let toProgram = Number.NaN
    qemu.stderr!.on('data', (chunk: Buffer) => complaints.push(chunk))
    qemu.stdout!.on('data', (chunk: Buffer) => {
      const now = moment(qemu.pid)
      chunks.push(chunk)
      const seen = Buffer.concat(chunks)
      const mark = seen.indexOf(MARK)
      if (mark < 0) return
      if (Number.isNaN(toProgram)) toProgram = now.wall - started
      const bytes = seen.length - mark - MARK.length
      if (bytes > 0) arrivals.push({ ...now, bytes })
    })
    qemu.on('error', reject)
    qemu.on('close', () => {
      const seen = Buffer.concat(chunks)
      const mark = seen.indexOf(MARK)
      if (mark < 0) {
        reject(new Error(`QEMU did not get as far as the program:\n${seen}${Buffer.concat(complaints)}`))
        return
      }
      const begin = mark + MARK.length
      const end = seen.indexOf(MARK, begin)
      resolve({
        toProgram,
        toFirstByte: (arrivals[0]?.wall ?? Number.NaN) - started,
        cpuToFirstByte: arrivals[0]?.cpu ?? Number.NaN,
        toEnd: performance.now() - started,
        arrivals,
        output: seen.subarray(begin, end < 0 ? seen.length : end),
        console: `${seen.subarray(0, mark)}`,
        timedOut: qemu.killed,
      })
    })
  })
}
