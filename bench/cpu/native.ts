// The native side: a program of this host, on one of its processors, because the guests have one.

import { spawn } from 'node:child_process'
import { type Arrival, between, type Measured, OverLimit, type Task } from './peer.ts'

/** Pins to the first processor; for a command that does not do so by itself. */
export const ON_ONE_PROCESSOR: readonly string[] = ['taskset', '1']

/** Runs a command whose stdout begins with the marks. */
export async function runNatively({ command, environment, limitSeconds }: Task): Promise<Measured> {
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, ...environment },
    timeout: limitSeconds * 1000,
    killSignal: 'SIGKILL',
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const arrivals: Arrival[] = []
  let stream = ''
  for await (const chunk of child.stdout) {
    const wall = performance.now()
    stream += (chunk as Buffer).toString('latin1')
    arrivals.push({ wall, bytes: stream.length })
  }
  const code = await ended
  if (child.killed) throw new OverLimit(limitSeconds)
  if (code !== 0) throw new Error(`natively ${command.join(' ')} ended with ${code}:\n${stream}`)
  return between(stream, arrivals)
}
