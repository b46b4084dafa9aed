// Resident memory with idle machines of 128 MiB, and their CPU time: a process of ours with 1, 2, 5 and 10 of them,
// and QEMU, which is a process for each.
//
// Rss is what the process holds, shared code of node or QEMU included. (Pss would divide that code by the number of
// processes that happen to run it.) A further machine is the difference, which nobody shares.

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
/** As long as for ours: memory.program.ts. */
const SETTLE_MS = 22_000
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
  const qemuRss = medianOf(qemu, (q) => q.rss) / MIB
  const further = (last.rss - one!.rss) / (last.count - 1) / MIB
  return [
    { section, what: 'process before the first machine (Rss)', unit: 'MiB', ours: ours.before.rss / MIB },
    ...ours.machines.map(({ count, pss, rss }) => ({
      section,
      what: `process with ${count} machine${count === 1 ? '' : 's'} (Rss)`,
      unit: 'MiB',
      ours: rss / MIB,
      ...(count === 1 ? { qemu: qemuRss, ratio: rss / MIB / qemuRss } : {}),
      samples: { rss: [rss], pss: [pss] },
    })),
    {
      section,
      what: 'each further machine (Rss)',
      unit: 'MiB',
      ours: further,
      qemu: qemuRss,
      ratio: further / qemuRss,
    },
    {
      section,
      what: 'CPU time of one idle machine',
      unit: 'ms/s',
      ours: ours.idleCpu,
      qemu: medianOf(qemu, (q) => q.idleCpu),
      aim: '0 % (< 1 ms/s)',
      met: ours.idleCpu <= IDLE_AIM_MS,
    },
  ]
}

/** Several at a time: they share QEMU's code, as our machines share node's. */
async function idleQemus(
  count: number,
  guest: Bench['guest'],
  initramfs: string,
): Promise<{ rss: number; idleCpu: number }[]> {
  const program = ['/bin/sleep', '1000']
  const machines = await Promise.all(
    Array.from({ length: count }, () => idleInQemu({ guest, initramfs, program })),
  )
  try {
    await sleep(SETTLE_MS)
    const from = machines.map(({ pid }) => moment(pid))
    await sleep(IDLE_SECONDS * 1000)
    return machines.map(({ pid }, i) => ({
      rss: resident(pid).rss,
      idleCpu: (moment(pid).cpu - from[i]!.cpu) / IDLE_SECONDS,
    }))
  } finally {
    await Promise.all(machines.map((machine) => machine.close()))
  }
}
