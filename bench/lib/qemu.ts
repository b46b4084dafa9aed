// The peer: QEMU's microvm with TCG, on the same kernel, initramfs and root as ours.
//
//    QEMU starts ── kernel ── bench/guest/init.c ── MARK ── first byte of the program ── MARK, reset ── end
//
// All times count from before `spawn`, as a user waits for them. The machine is cut down to what our own offers
// (no ACPI, no option ROM we do not need); PIT and RTC stay, because without kvmclock this kernel calibrates
// against the PIT. bench/guest/init.c comes as a second archive behind the shipped initramfs, which the kernel
// unpacks over the first.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { GuestArtefacts } from '../../src/artifacts/index.ts'

export interface QemuOptions {
  readonly guest: Pick<GuestArtefacts, 'kernel' | 'initramfs' | 'root'>
  /** Absolute path in the root, then arguments; none may contain a comma or a space. */
  readonly program: readonly string[]
  readonly memoryMiB?: number
  /** More words for the kernel's command line. */
  readonly kernelArguments?: string
  /** Milliseconds after which the attempt is given up. */
  readonly timeout?: number
}

export interface QemuRun {
  /** Milliseconds from before `spawn` to: init about to start the program, its first byte, the end of QEMU. */
  readonly toProgram: number
  readonly toFirstByte: number
  readonly toEnd: number
  /** What the program wrote. */
  readonly output: Buffer
  /** What came before it: the kernel's messages. */
  readonly console: string
}

const MARK = Buffer.from('\x01inlinux-bench\x01')
const repository = fileURLToPath(new URL('../../../', import.meta.url)) // from build/bench/lib/

// Measured: the first three save some 100 ms of calibration, which our engine does not have to do either.
const KERNEL_ARGUMENTS =
  'quiet no_timer_check lpj=10000000 console=ttyS0 reboot=t panic=-1 rdinit=/bench-init'

/** Boots, runs one program, and waits for the end. */
export async function runInQemu(options: QemuOptions): Promise<QemuRun> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'inlinux-qemu-'))
  try {
    const initramfs = path.join(folder, 'initramfs.cpio')
    await writeFile(initramfs, await withBenchInit(options.guest.initramfs, folder))
    return await boot(options, initramfs)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function boot(options: QemuOptions, initramfs: string): Promise<QemuRun> {
  const { guest, program, memoryMiB = 128, kernelArguments = '', timeout = 60_000 } = options
  const machine = 'microvm,acpi=off,pic=on,pit=on,rtc=on,isa-serial=on,x-option-roms=off'
  const append = `${KERNEL_ARGUMENTS} ${kernelArguments} inlinux.exec=${program.join(',')}`
  const started = performance.now()
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-M', machine, '-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m', `${memoryMiB}M`],
      ...['-nodefaults', '-no-user-config', '-nographic', '-serial', 'stdio', '-no-reboot'],
      ...['-kernel', guest.kernel, '-initrd', initramfs, '-append', append],
      ...['-drive', `id=root,file=${guest.root},format=raw,if=none,readonly=on`],
      ...['-device', 'virtio-blk-device,drive=root', '-device', 'virtio-rng-device'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], timeout },
  )
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const complaints: Buffer[] = []
    let toProgram = Number.NaN
    let toFirstByte = Number.NaN
    qemu.stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
    qemu.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (!Number.isNaN(toFirstByte)) return
      const seen = Buffer.concat(chunks)
      const mark = seen.indexOf(MARK)
      if (mark < 0) return
      const now = performance.now() - started
      if (Number.isNaN(toProgram)) toProgram = now
      if (seen.length > mark + MARK.length) toFirstByte = now
    })
    qemu.on('error', reject)
    qemu.on('close', () => {
      const seen = Buffer.concat(chunks)
      const mark = seen.indexOf(MARK)
      if (mark < 0) {
        reject(new Error(`QEMU did not get as far as the program:\n${seen}${Buffer.concat(complaints)}`))
        return
      }
      const start = mark + MARK.length
      const end = seen.indexOf(MARK, start)
      const output = seen.subarray(start, end < 0 ? seen.length : end)
      resolve({
        toProgram,
        toFirstByte,
        toEnd: performance.now() - started,
        output,
        console: `${seen.subarray(0, mark)}`,
      })
    })
  })
}

async function withBenchInit(initramfs: string, folder: string): Promise<Buffer> {
  const { writeCpio, run } = await scripts()
  const program = path.join(folder, 'init')
  await run('musl-gcc', [
    '-std=gnu11',
    '-Os',
    '-static',
    '-s',
    '-Wall',
    '-Wextra',
    '-o',
    program,
    path.join(repository, 'bench/guest/init.c'),
  ])
  const second = writeCpio([{ name: 'bench-init', kind: 'file', mode: 0o755, data: await readFile(program) }])
  return Buffer.concat([await readFile(initramfs), second])
}

interface Scripts {
  writeCpio(entries: readonly object[]): Buffer
  run(command: string, args: readonly string[]): Promise<number>
}

/** The set-up's own cpio writer and program runner: plain JavaScript, because they work before there is a build. */
async function scripts(): Promise<Scripts> {
  const at = (name: string) => pathToFileURL(path.join(repository, 'scripts', name)).href
  const [{ writeCpio }, { run }] = await Promise.all([
    import(at('guest/cpio.mjs')),
    import(at('lib/run.mjs')),
  ])
  return { writeCpio, run }
}
