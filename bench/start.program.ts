// A whole user of the library in a process of its own: `spawn()` to the first byte of stdout, several times.
//
//    node start.program.js COUNT       the first byte of the first program goes to our stdout as it arrives, then JSON
//
// The first start is a cold one (node, modules, the CPU core's compilation, Worker); those after it are warm.
import { writeSync } from 'node:fs'
import { Machine, Stdio } from '../src/index.ts'

/** Milliseconds of this process and its threads. */
export interface StartTimes {
  /** From the process's start until our modules are loaded. */
  readonly loaded: number
  readonly starts: readonly {
    /** `Machine.start()`: called to resolved. */
    readonly machine: number
    /** From that call to the first byte of a program's stdout. */
    readonly firstByte: number
    /** The CPU time between the two. */
    readonly cpu: number
    /** CPU time of the process when the byte arrived. */
    readonly cpuSoFar: number
    /** Executed when the agent was ready. */
    readonly instructions: number
  }[]
}

const loaded = performance.now()
const starts: StartTimes['starts'][number][] = []
const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e3
}

for (let i = 0; i < Number(process.argv[2]); i++) {
  const called = performance.now()
  const cpuBefore = cpu()
  const machine = await Machine.start()
  const ready = performance.now()
  const instructions = Number(machine.counters().instructions)
  const child = await machine.command('/bin/echo').arg('x').stdin(Stdio.null()).stdout(Stdio.piped()).spawn()
  let first: { firstByte: number; cpu: number; cpuSoFar: number } | undefined
  for await (const chunk of child.stdout) {
    if (first !== undefined) continue
    const cpuSoFar = cpu()
    first = { firstByte: performance.now() - called, cpu: cpuSoFar - cpuBefore, cpuSoFar }
    if (i === 0) writeSync(1, chunk as Buffer)
  }
  await child.wait()
  await machine.close()
  starts.push({ machine: ready - called, ...first!, instructions })
}

// A program which has no more to do ends by itself: no handle was left open.
const times: StartTimes = { loaded, starts }
writeSync(1, JSON.stringify(times))
