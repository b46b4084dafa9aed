// QEMU's side: a fresh QEMU for every task, on the same kernel, root and disks as our machine (see bench/lib/qemu.ts).

import { type QemuOptions, runInQemu } from '../lib/qemu.ts'
import { between, type Measured, OverLimit, type Task } from './peer.ts'

export async function runInTcg(task: Task, machine: Omit<QemuOptions, 'program'>): Promise<Measured> {
  const { command, environment, limitSeconds } = task
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const run = await runInQemu({
    ...machine,
    program: command,
    kernelArguments: variables.join(' '),
    timeout: limitSeconds * 1000,
  })
  if (run.timedOut) throw new OverLimit(limitSeconds)
  return between(run.output.toString('latin1'), run.arrivals)
}
