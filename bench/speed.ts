// How fast the CPU is: bench/guest/work.c in our machine, in QEMU, and natively, in turns.
//
// The work lies between two bytes that the program writes; the host takes wall and CPU time when they arrive. Times
// in the table are CPU times: on an idle machine they equal wall times, on a busy one wall times mean nothing.
// Million instructions a second (MIPS) follow from the instructions that our CPU counted in the same work.

import { spawn } from 'node:child_process'
import { image, Machine, Stdio } from '../src/index.ts'
import type { Bench } from './lib/bench.ts'
import { compileForGuest, rootOf } from './lib/guest-programs.ts'
import { type Cost, cost, type Moment, medianOf, moment } from './lib/measure.ts'
import { type Arrival, runInQemu } from './lib/qemu.ts'
import type { Row } from './lib/report.ts'

/** Kind, size, what it is: sizes are about a second of ours. */
const WORK = [
  ['integer', 20, 'integer loop in registers'],
  ['memory', 2, 'sieve and pointer walk, 4 MiB each'],
  ['calls', 80, 'recursive calls'],
  ['systemcalls', 500, 'system calls (getppid)'],
] as const

/** Native work is this much larger: a running program's CPU time is told to about 4 ms. */
const NATIVE_FACTOR = 10

interface Round {
  readonly ours: Cost
  readonly qemu: Cost
  readonly native: Cost
  readonly instructions: number
}

export async function speed({ rounds, folder, guest, qemuInitramfs, tell }: Bench): Promise<Row[]> {
  const program = await compileForGuest('work', folder)
  const root = await rootOf([program], folder)
  const rows: Row[] = []
  const results = new Map<string, Round[]>(WORK.map(([kind]) => [kind, []]))
  const machine = await Machine.start({ image: image.fromErofs(root) })
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [kind, size] of WORK) {
        tell(`speed, round ${round + 1}: ${kind}`)
        const words = [kind, String(size)]
        const { ours, instructions } = await inMachine(machine, words)
        const native = await natively(program, [kind, String(size * NATIVE_FACTOR)])
        const run = await runInQemu({
          guest: { ...guest, root },
          initramfs: qemuInitramfs,
          program: ['/bin/work', ...words],
        })
        results.get(kind)!.push({ ours, native, qemu: between(run.arrivals), instructions })
      }
    }
  } finally {
    await machine.close()
  }
  for (const [kind, , what] of WORK) rows.push(rowOf(what, results.get(kind)!, kind === 'systemcalls'))
  return rows
}

function rowOf(what: string, list: readonly Round[], systemCalls: boolean): Row {
  const instructions = medianOf(list, (r) => r.instructions)
  const [ours, qemu, native] = [
    medianOf(list, (r) => r.ours.cpu),
    medianOf(list, (r) => r.qemu.cpu),
    medianOf(list, (r) => r.native.cpu) / NATIVE_FACTOR,
  ]
  const mips = (milliseconds: number): number => instructions / milliseconds / 1e3
  return {
    section: 'CPU speed, by CPU time',
    what,
    unit: 'MIPS',
    ours: mips(ours),
    qemu: mips(qemu),
    // The native kernel executes other instructions for a system call than ours: no MIPS of that work.
    ...(systemCalls ? {} : { native: mips(native) }),
    ratio: ours / qemu,
    samples: {
      oursCpu: list.map((r) => r.ours.cpu),
      oursWall: list.map((r) => r.ours.wall),
      qemuCpu: list.map((r) => r.qemu.cpu),
      qemuWall: list.map((r) => r.qemu.wall),
      nativeCpu: list.map((r) => r.native.cpu),
      instructions: list.map((r) => r.instructions),
    },
  }
}

async function inMachine(machine: Machine, words: string[]): Promise<{ ours: Cost; instructions: number }> {
  const child = await machine
    .command('/bin/work')
    .args(words)
    .stdin(Stdio.null())
    .stdout(Stdio.piped())
    .stderr(Stdio.inherit())
    .spawn()
  const arrivals: Arrival[] = []
  const counts: bigint[] = []
  let bytes = 0
  for await (const chunk of child.stdout) {
    counts.push(machine.counters().instructions)
    bytes += (chunk as Buffer).length
    arrivals.push({ ...moment(), bytes })
  }
  await child.wait()
  return { ours: between(arrivals), instructions: Number(counts.at(-1)! - counts[0]!) }
}

async function natively(program: string, words: string[]): Promise<Cost> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const arrivals: Arrival[] = []
  let bytes = 0
  // The ended program is a zombie until it is waited for, and a zombie still tells its CPU time.
  for await (const chunk of child.stdout) {
    bytes += (chunk as Buffer).length
    arrivals.push({ ...moment(child.pid), bytes })
  }
  return between(arrivals)
}

/** From the first byte, before the work, to the second, after it. */
function between(arrivals: readonly Arrival[]): Cost {
  const [before, after] = [1, 2].map((bytes) => arrivals.find((arrival) => arrival.bytes >= bytes))
  if (before === undefined || after === undefined || before === after) {
    throw new Error('the work did not take long enough to be measured, or did not end')
  }
  return cost(before satisfies Moment, after)
}
