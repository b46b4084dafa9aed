// Fresh node processes, timed from before their start: what a user's whole program takes to its first byte.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { StartTimes } from '../start.program.ts'
import { moment } from './measure.ts'

export interface FreshProcess {
  /** Milliseconds from before `spawn` to the first byte of stdout. */
  readonly firstByte: number
  readonly cpu: number
  readonly output: string
}

export type FreshStart = FreshProcess & StartTimes

/** bench/start.program.ts in a process of its own: `count` machines, the first of them a cold start. */
export async function freshStart(count: number): Promise<FreshStart> {
  const program = fileURLToPath(new URL('../start.program.js', import.meta.url))
  const run = await freshProcess([program, String(count)])
  return { ...run, ...(JSON.parse(run.output.slice(run.output.indexOf('{'))) as StartTimes) }
}

export async function freshProcess(words: string[]): Promise<FreshProcess> {
  const started = performance.now()
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let first = { wall: Number.NaN, cpu: Number.NaN }
  let output = ''
  for await (const chunk of child.stdout) {
    if (output === '') first = moment(child.pid)
    output += chunk
  }
  const code = await ended
  if (code !== 0) throw new Error(`${words[0]} ended with ${code}`)
  return { firstByte: first.wall - started, cpu: first.cpu, output }
}
