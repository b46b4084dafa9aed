// `inlinux run` on a terminal, which util-linux's script(1) plays: progress, Ctrl-C.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildAgent } from '../agent/agent-on-host.ts'
import { IN_MACHINE, ON_HOST } from './inlinux.ts'

const CTRL_C = '\x03'
const folder = mkdtempSync(join(tmpdir(), 'inlinux-terminal-'))

before(() => {
  buildAgent()
})
after(() => rmSync(folder, { recursive: true, force: true }))

interface Session {
  readonly main?: string
  readonly columns?: number
  /** Typed when `ready` has appeared. */
  readonly typed?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Gives what appeared on the terminal; the script ends with a line that says how the command ended. */
async function onTerminal(
  command: string,
  { main = ON_HOST, columns = 80, typed, env = {} }: Session = {},
): Promise<string> {
  const inlinux = `${process.execPath} ${main}`
  const line = `stty cols ${columns} rows 24; ${inlinux} ${command}; echo "ended with $?"`
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { ...process.env, ...env, SHELL: '/bin/bash' },
  })
  let shown = ''
  let isTyped = false
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk
    if (isTyped || typed === undefined || !shown.includes('ready')) return
    isTyped = true
    child.stdin.write(typed)
  })
  await once(child, 'close')
  return shown
}

test('Ctrl-C reaches the program and its children', { timeout: 60_000 }, async () => {
  // In a machine: on the host the agent would be in the terminal's process group too, and die of it.
  // The shell takes the signal only when its child has ended, so that must get it as well.
  const script = 'trap "echo caught; exit 9" INT; echo ready; sleep 50'
  const shown = await onTerminal(`run sh -c '${script}'`, { main: IN_MACHINE, typed: CTRL_C })
  assert.match(shown, /caught\r\nended with 9/)
})

test('what takes long is told and wiped away, and the program has the terminal for itself', {
  timeout: 60_000,
}, async () => {
  for (const columns of [80, 0]) {
    const shown = await onTerminal('run printf output', { columns, env: { TEST_BOOT_MS: '2500' } })
    assert.match(shown, /starting Linux…/)
    const afterwards = shown.slice(shown.lastIndexOf('starting Linux…'))
    assert.equal(afterwards, 'starting Linux…\r\x1b[Koutputended with 0\r\n')
  }
})

test('a line longer than the terminal is cut, so that it can be wiped away', {
  timeout: 60_000,
}, async () => {
  const shown = await onTerminal('run printf output', { columns: 10, env: { TEST_BOOT_MS: '2500' } })
  assert.match(shown, /\rstarting…|Kstarting…/)
})
