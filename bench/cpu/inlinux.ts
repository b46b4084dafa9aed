// Our side: a fresh node process for every task, as a fresh QEMU is, so that no task profits from what another one has
// compiled, and a machine that hangs is ended with its process.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { MachinePlan, MachineReport } from './inlinux.program.ts'
import { between, type Measured, OverLimit, type Task } from './peer.ts'

const program = fileURLToPath(new URL('./inlinux.program.js', import.meta.url))

/** The serial port, whose bytes reach us while the guest's CPU waits for the store to its register. */
export const MARKS_FILE = '/dev/ttyS0'

export async function runInOurs(task: Task, machine: MachinePlan['machine']): Promise<Measured> {
  const { command, environment, limitSeconds } = task
  const plan: MachinePlan = { command, environment, machine }
  const child = spawn(process.execPath, [...process.execArgv, program, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitSeconds * 1000,
    killSignal: 'SIGKILL',
  })
  const texts = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    texts.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    texts.stderr += chunk
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (child.killed) throw new OverLimit(limitSeconds)
  if (code !== 0) throw new Error(`in our machine ${command.at(-1)} failed:\n${texts.stderr}`)
  const { marks, arrivals, output } = JSON.parse(texts.stdout) as MachineReport
  return between(marks, arrivals, output)
}
