// Resident memory with idle machines of 128 MiB, and their CPU time: a process of ours with 1, 2, 5 and 10 of them,
// and QEMU, which is a process for each.
//
// Pss and not Rss, because a page that several processes share (QEMU's own code, libraries) should count once.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Bench } from './lib/bench.ts'
import { medianOf, moment, resident, sleep } from './lib/measure.ts'
import { idleInQemu } from './lib/qemu.ts'
import type { Row } from './lib/report.ts'
import type { MemoryTimes } from './memory.program.ts'

const execute = promisify(execFile)
const MIB = 2 ** 20
const COUNTS = [1, 2, 5, 10]
const IDLE_SECONDS = 10
const SETTLE_MS = 2_000
/** Below the noise of a timer that fires now and then: 1 ms in a second. */
const IDLE_AIM_MS = 1

export async function memory({ guest, qemuInitramfs, tell }: Bench): Promise<Row[]> {
  tell(`memory of ${COUNTS.join(', ')} machines, and CPU time in ${IDLE_SECONDS} idle seconds`)
  const program = fileURLToPath(new URL('./memory.program.js', import.meta.url))
  const words = ['--expose-gc', program, String(IDLE_SECONDS), ...COUNTS.map(String)]
  const { stdout } = await execute(process.execPath, words)
  const ours = JSON.parse(stdout) as MemoryTimes
  tell('memory and idle CPU time of QEMU')
  const qemu = await idleQemus(2, guest, qemuInitramfs)

  const [one, ...more] = ours.machines
  const last = more.at(-1)!
  const section = 'Idle machines of 128 MiB'
  const qemuPss = medianOf(qemu, (q) => q.pss) / MIB
  const further = (last.pss - one!.pss) / (last.count - 1) / MIB
  return [
    { section, what: 'process before the first machine (Pss)', unit: 'MiB', ours: ours.before.pss / MIB },
    ...ours.machines.map(({ count, pss, rss }) => ({
      section,
      what: `process with ${count} machine${count === 1 ? '' : 's'} (Pss)`,
      unit: 'MiB',
      ours: pss / MIB,
      ...(count === 1 ? { qemu: qemuPss, ratio: pss / MIB / qemuPss } : {}),
      samples: { rss: [rss], pss: [pss] },
    })),
    {
      section,
      what: 'each further machine (Pss)',
      unit: 'MiB',
      ours: further,
      qemu: qemuPss,
      ratio: further / qemuPss,
    },
    {
      section,
      what: 'CPU time of one idle machine',
      unit: 'ms/s',
      ours: ours.idleCpu,
      qemu: medianOf(qemu, (q) => q.idleCpu),
      aim: '0 %',
      met: ours.idleCpu <= IDLE_AIM_MS,
    },
  ]
}

/** Several at a time: they share QEMU's code, as our machines share node's. */
async function idleQemus(
  count: number,
  guest: Bench['guest'],
  initramfs: string,
): Promise<{ pss: number; idleCpu: number }[]> {
  const program = ['/bin/sleep', '1000']
  const machines = await Promise.all(
    Array.from({ length: count }, () => idleInQemu({ guest, initramfs, program })),
  )
  try {
    await sleep(SETTLE_MS)
    const from = machines.map(({ pid }) => moment(pid))
    await sleep(IDLE_SECONDS * 1000)
    return machines.map(({ pid }, i) => ({
      pss: resident(pid).pss,
      idleCpu: (moment(pid).cpu - from[i]!.cpu) / IDLE_SECONDS,
    }))
  } finally {
    await Promise.all(machines.map((machine) => machine.close()))
  }
}
