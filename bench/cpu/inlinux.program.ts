// One machine, one task: `node inlinux.program.js PLAN`, with a MachinePlan as JSON; a MachineReport goes to stdout.
import { writeSync } from 'node:fs'
import { image, Machine, Stdio } from '../../src/index.ts'
import { moment } from '../lib/measure.ts'
import type { Arrival, Task } from './peer.ts'

export interface MachinePlan extends Pick<Task, 'command' | 'environment'> {
  readonly machine: {
    /** An EROFS image. */
    readonly root: string
    readonly memory: string
    /** Files that become /dev/vdb and on. */
    readonly disks: readonly string[]
  }
}

export interface MachineReport {
  /** What came over the serial port, and when. */
  readonly marks: string
  readonly arrivals: readonly Arrival[]
  readonly output: string
}

const { command, environment, machine: plan } = JSON.parse(process.argv[2]!) as MachinePlan
const arrivals: Arrival[] = []
let marks = ''
let bootLog = ''

// The first parts of the log are the kernel's.
let onConsole = (text: string): void => {
  bootLog += text
}
const machine = await Machine.start({
  image: image.fromErofs(plan.root),
  memory: plan.memory,
  disks: plan.disks.map((path) => ({ path })),
  onConsole: (bytes) => onConsole(Buffer.from(bytes).toString('latin1')),
})
onConsole = (text) => {
  marks += text
  const instructions = Number(machine.counters().instructions)
  arrivals.push({ ...moment(), instructions, bytes: marks.length })
}

const [path, ...words] = command
const { status, stdout, stderr } = await machine
  .command(path!)
  .args(words)
  .envClear()
  .envs(environment)
  .stdin(Stdio.null())
  .output()
await machine.close()
if (!status.success) {
  writeSync(2, `${JSON.stringify(status)}\n${bootLog}${marks}${Buffer.concat([stdout, stderr])}`)
  process.exitCode = 1
}
const output = Buffer.from(stdout).toString('latin1')
const report: MachineReport = { marks, arrivals, output }
writeSync(1, JSON.stringify(report))
