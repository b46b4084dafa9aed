// Where a compiled program runs: on this computer, and in a machine. One machine serves all programs; one that a
// program hangs or breaks is replaced.

import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { CommandError, Machine, Stdio } from '../../src/index.ts'

export interface Outcome {
  /** The exit code, the name of a signal, or why there is none. */
  readonly end: string
  readonly stdout: string
  readonly stderr: string
  readonly milliseconds: number
}

export interface Side {
  readonly name: string
  /** Runs the static program in this file of the host, without arguments and input. */
  run(program: string): Promise<Outcome>
  close(): Promise<void>
}

const NATIVE_SECONDS = 20
const GUEST_SECONDS = 240
/** Of output, against programs that have lost their way. */
const MOST_BYTES = 1 << 24

export const native: Side = {
  name: 'native',
  run(program) {
    const started = performance.now()
    const child = spawn(program, { timeout: NATIVE_SECONDS * 1000, killSignal: 'SIGKILL', env: {} })
    child.stdin.end()
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('latin1').on('data', (text: string) => {
        if (texts[name].length < MOST_BYTES) texts[name] += text
      })
    return new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) =>
        resolve({ end: String(code ?? signal), ...texts, milliseconds: performance.now() - started }),
      )
    })
  },
  close: () => Promise.resolve(),
}

export class GuestSide implements Side {
  readonly name = 'guest'
  #machine: Promise<Machine> | undefined

  async run(program: string): Promise<Outcome> {
    this.#machine ??= Machine.start()
    const machine = await this.#machine
    const script = 'cat > /tmp/program && chmod 755 /tmp/program && exec /tmp/program < /dev/null'
    const command = machine
      .command('sh')
      .args(['-c', script])
      .stdin(Stdio.from(await readFile(program)))
    const started = performance.now()
    const outcome = (
      end: string,
      { stdout, stderr }: { stdout?: Uint8Array; stderr?: Uint8Array },
    ): Outcome => ({
      end,
      stdout: textOf(stdout),
      stderr: textOf(stderr),
      milliseconds: performance.now() - started,
    })
    try {
      const output = await command.timeout(GUEST_SECONDS * 1000).output()
      return outcome(String(output.status.code ?? output.status.signal), output)
    } catch (error) {
      const tail = machine.consoleTail(5).join('\n')
      await this.close()
      const collected = error instanceof CommandError ? error : {}
      return outcome(`${error}; the console's last lines:\n${tail}`, collected as { stdout?: Uint8Array })
    }
  }

  async close(): Promise<void> {
    const machine = await this.#machine?.catch(() => undefined)
    this.#machine = undefined
    await machine?.close()
  }
}

/** A character for each byte. */
function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('latin1')
}
