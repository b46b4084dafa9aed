// How long it takes to get a program's first byte, from nothing: a fresh node process with our library against a fresh
// QEMU process; `node` with an empty program is our floor. Then warm starts, and the instructions of a boot.
//
// QEMU's init (bench/guest/init.c) makes the same root as our agent, but nobody asks it for the program over a
// socket, and no process is waited for afterwards: what our way costs in addition is in the ratio, as users see it.

import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
// Not through the room's door: only the bare machine shows its counters before there is an agent.
import { boot } from '../src/machine/boot.ts'
import type { Bench } from './lib/bench.ts'
import { type FreshProcess, type FreshStart, freshProcess, freshStart } from './lib/fresh-process.ts'
import { compileForGuest, scripts } from './lib/guest-programs.ts'
import { median, medianOf } from './lib/measure.ts'
import { type QemuRun, runInQemu } from './lib/qemu.ts'
import type { Row } from './lib/report.ts'

const MEMORY_BYTES = 128 * 2 ** 20
const WARM_STARTS = 4
const INSTRUCTIONS_AIM = 40e6
const START_AIM = 1.5

export async function start({ rounds, folder, guest, qemuInitramfs, tell }: Bench): Promise<Row[]> {
  const fresh: FreshStart[] = []
  const qemu: QemuRun[] = []
  const empty: FreshProcess[] = []
  for (let round = 0; round < rounds; round++) {
    tell(`cold start, round ${round + 1}`)
    fresh.push(await freshStart(1 + WARM_STARTS))
    qemu.push(await runInQemu({ guest, initramfs: qemuInitramfs, program: ['/bin/echo', 'x'] }))
    empty.push(await freshProcess(['-e', 'require("fs").writeSync(1, "x")']))
  }
  tell('instructions of a boot')
  const kernel = await instructionsOfKernel(guest, folder)
  const total = medianOf(fresh, (r) => r.starts[0]!.instructions)

  const section = 'Cold start: /bin/echo in a fresh machine'
  const qemuWall = medianOf(qemu, (r) => r.toFirstByte)
  const qemuCpu = medianOf(qemu, (r) => r.cpuToFirstByte)
  const against = (what: string, ours: readonly number[], peer: number, aim?: number): Row => ({
    section,
    what,
    unit: 'ms',
    ours: median(ours),
    qemu: peer,
    ratio: median(ours) / peer,
    ...(aim === undefined ? {} : { aim: `ratio ≤ ${aim}`, met: median(ours) / peer <= aim }),
    samples: { ours, qemu: qemu.map((r) => (peer === qemuWall ? r.toFirstByte : r.cpuToFirstByte)) },
  })
  const first = fresh.map((r) => r.starts[0]!)
  const warm = fresh.flatMap((r) => r.starts.slice(1))
  const plain = (what: string, values: readonly number[], unit = 'ms'): Row => ({
    section,
    what,
    unit,
    ours: median(values),
    samples: { ours: values },
  })
  return [
    against(
      'spawn() to first byte',
      first.map((s) => s.firstByte),
      qemuWall,
      START_AIM,
    ),
    against(
      '  the same, CPU time',
      first.map((s) => s.cpu),
      qemuCpu,
    ),
    against(
      'start of the process to first byte',
      fresh.map((r) => r.firstByte),
      qemuWall,
    ),
    against(
      '  the same, CPU time',
      first.map((s) => s.cpuSoFar),
      qemuCpu,
    ),
    plain(
      '  of that: node itself (an empty program)',
      empty.map((r) => r.firstByte),
    ),
    plain(
      '  of that: Machine.start()',
      first.map((s) => s.machine),
    ),
    against(
      'warm: a further machine, to first byte',
      warm.map((s) => s.firstByte),
      qemuWall,
    ),
    against(
      '  the same, CPU time',
      warm.map((s) => s.cpu),
      qemuCpu,
    ),
    {
      section: 'Instructions of a boot, 128 MiB',
      what: 'reset to the agent’s readiness',
      unit: 'million',
      ours: total / 1e6,
      aim: `≤ ${INSTRUCTIONS_AIM / 1e6}`,
      met: total <= INSTRUCTIONS_AIM,
      samples: { ours: first.map((s) => s.instructions) },
    },
    {
      section: 'Instructions of a boot, 128 MiB',
      what: '  the kernel, to /init',
      unit: 'million',
      ours: kernel / 1e6,
    },
    {
      section: 'Instructions of a boot, 128 MiB',
      what: '  the agent',
      unit: 'million',
      ours: (total - kernel) / 1e6,
    },
  ]
}

/** Boots an init that says one byte: the vCPU waits while the host takes it, so its counter is exact. */
async function instructionsOfKernel(guest: Bench['guest'], folder: string): Promise<number> {
  const { writeCpio } = await scripts()
  const data = await readFile(await compileForGuest('first', folder))
  const initramfs = path.join(folder, 'first.cpio')
  const archive = writeCpio([
    { name: 'dev', kind: 'directory', mode: 0o755 },
    { name: 'dev/console', kind: 'character', mode: 0o600, major: 5, minor: 1 },
    { name: 'init', kind: 'file', mode: 0o755, data },
  ])
  await writeFile(initramfs, archive)
  let arrived!: (instructions: number) => void
  let failed!: (error: Error) => void
  const first = new Promise<number>((resolve, reject) => {
    arrived = resolve
    failed = reject
  })
  const machine = await boot({
    ramBytes: MEMORY_BYTES,
    kernel: guest.kernel,
    initramfs,
    disks: [{ path: guest.root, readonly: true }],
    virtioConsole: false,
    kernelParameters: [],
    onConsole: (bytes) => {
      if (bytes.includes(0x21)) arrived(Number(machine.cpu.counters().instructions))
    },
    onEnd: (reason, error) => failed(error ?? new Error(`the guest ended: ${reason}`)),
  })
  try {
    return await first
  } finally {
    await machine.close()
  }
}
