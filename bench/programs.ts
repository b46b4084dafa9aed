// Many programs and much data in one machine, against the same binary as a child process of node: the host's half of
// the work (streams, events) is the same on both sides. QEMU has no part here: without vsock it can run one program.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { Machine, Stdio } from '../src/index.ts'
import type { Bench } from './lib/bench.ts'
import { type Cost, cost, medianOf, moment } from './lib/measure.ts'
import type { Row } from './lib/report.ts'

const MIB = 2 ** 20
const CAT_BYTES = 64 * MIB
const PROGRAMS = 100
const BUSYBOX = '/bin/busybox'

export async function programs({ rounds, tell }: Bench): Promise<Row[]> {
  const cats: { ours: Cost; native: Cost }[] = []
  const spawns: { ours: Cost; native: Cost }[] = []
  const machine = await Machine.start()
  try {
    for (let round = 0; round < rounds; round++) {
      tell(`programs in one machine, round ${round + 1}`)
      cats.push({ ours: await timed(() => catInMachine(machine)), native: await timed(catNatively) })
      spawns.push({
        ours: await timed(async () => {
          for (let i = 0; i < PROGRAMS; i++) {
            const status = await machine
              .command('/bin/true')
              .stdin(Stdio.null())
              .stdout(Stdio.null())
              .stderr(Stdio.null())
              .status()
            if (!status.success) throw new Error('true failed')
          }
        }),
        native: await timed(async () => {
          for (let i = 0; i < PROGRAMS; i++) {
            const [code] = await once(spawn(BUSYBOX, ['true'], { stdio: 'ignore' }), 'exit')
            if (code !== 0) throw new Error('true failed')
          }
        }),
      })
    }
  } finally {
    await machine.close()
  }
  const section = 'Programs in one machine, against child_process'
  const ratio = (list: typeof cats): number =>
    medianOf(list, (r) => r.ours.wall) / medianOf(list, (r) => r.native.wall)
  const rate = (ms: number): number => CAT_BYTES / MIB / (ms / 1000)
  const samples = (list: typeof cats): NonNullable<Row['samples']> => ({
    oursWall: list.map((r) => r.ours.wall),
    oursCpu: list.map((r) => r.ours.cpu),
    nativeWall: list.map((r) => r.native.wall),
  })
  return [
    {
      section,
      what: '64 MiB through cat and back',
      unit: 'MiB/s',
      ours: rate(medianOf(cats, (r) => r.ours.wall)),
      native: rate(medianOf(cats, (r) => r.native.wall)),
      ratio: ratio(cats),
      samples: samples(cats),
    },
    {
      section,
      what: '  the same, for each second of CPU time',
      unit: 'MiB/s',
      ours: rate(medianOf(cats, (r) => r.ours.cpu)),
    },
    {
      section,
      what: '/bin/true to its end, one after the other',
      unit: 'ms',
      ours: medianOf(spawns, (r) => r.ours.wall) / PROGRAMS,
      native: medianOf(spawns, (r) => r.native.wall) / PROGRAMS,
      ratio: ratio(spawns),
      samples: samples(spawns),
    },
    {
      section,
      what: '  the same, CPU time',
      unit: 'ms',
      ours: medianOf(spawns, (r) => r.ours.cpu) / PROGRAMS,
    },
  ]
}

async function timed(work: () => Promise<void>): Promise<Cost> {
  const from = moment()
  await work()
  return cost(from, moment())
}

function* input(): Generator<Buffer> {
  const chunk = Buffer.alloc(64 * 1024, 'inlinux ')
  for (let sent = 0; sent < CAT_BYTES; sent += chunk.length) yield chunk
}

async function catInMachine(machine: Machine): Promise<void> {
  const child = await machine.command('cat').stdin(Stdio.from(input())).stdout(Stdio.piped()).spawn()
  await drain(child.stdout)
  await child.wait()
}

async function catNatively(): Promise<void> {
  const child = spawn(BUSYBOX, ['cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  Readable.from(input()).pipe(child.stdin)
  await drain(child.stdout)
}

async function drain(stream: AsyncIterable<Buffer>): Promise<void> {
  let received = 0
  for await (const chunk of stream) received += chunk.length
  if (received !== CAT_BYTES) throw new Error(`cat gave ${received} bytes back, not ${CAT_BYTES}`)
}
