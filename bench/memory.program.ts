// The resident memory of a process with idle machines, and the CPU time they take while nothing happens.
//
//    node --expose-gc memory.program.js SECONDS COUNT…       COUNT: 1 2 5 10, ascending. Prints JSON.
import { Machine } from '../src/index.ts'
import { moment, type Resident, resident, sleep } from './lib/measure.ts'

export interface MemoryTimes {
  /** The library loaded, no machine yet. */
  readonly before: Resident
  readonly machines: readonly (Resident & { readonly count: number })[]
  /** CPU milliseconds for each second, with the first machine idle. */
  readonly idleCpu: number
}

const SETTLE_MS = 1_500
const [seconds, ...counts] = process.argv.slice(2).map(Number)

/** Compiler threads of V8 end their work, and garbage goes. */
async function settled(): Promise<Resident> {
  await sleep(SETTLE_MS)
  globalThis.gc!()
  await sleep(SETTLE_MS)
  globalThis.gc!()
  return resident('self')
}

const QUIET_MS = 20_000

const before = await settled()
const machines: Machine[] = []
const results: (Resident & { count: number })[] = []
let idleCpu = Number.NaN
for (const count of counts) {
  while (machines.length < count) {
    const machine = await Machine.start({ memory: '128MiB' })
    machines.push(machine)
    await machine.command('/bin/true').status()
  }
  results.push({ count, ...(await settled()) })
  if (machines.length === 1) {
    // The guest's kernel and the garbage collectors still have things to finish just after a start.
    await sleep(QUIET_MS)
    const from = moment()
    await sleep(seconds! * 1000)
    idleCpu = (moment().cpu - from.cpu) / seconds!
  }
}
const result: MemoryTimes = { before, machines: results, idleCpu }
await Promise.all(machines.map((machine) => machine.close()))
process.stdout.write(JSON.stringify(result))
