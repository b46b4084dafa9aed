// How a machine comes up: find the guest → prepare the root → boot → wait for the agent. Whatever fails on the way
// becomes one VmError that names the phase, and leaves nothing behind.

import { randomBytes } from 'node:crypto'
import {
  AgentConnection,
  type AgentFailure,
  CONTROL_PORT,
  type ProcessDefaults,
  parseAgentLine,
} from '../agent/index.ts'
import { locateGuest } from '../artifacts/index.ts'
import { type BootPhase, VmError } from '../errors/index.ts'
import type { ImageConfig } from '../image/index.ts'
import { boot, type RunningMachine } from './boot.ts'
import { ConsoleLog } from './console-log.ts'
import { MAX_DISKS, type MachineOptions, memoryBytes } from './options.ts'

const DEFAULT_BOOT_TIMEOUT_MS = 120_000
const ENTROPY_BYTES = 256

/** What `startMachine` hands to the constructor. */
export interface Started {
  readonly running: RunningMachine
  readonly agent: AgentConnection
  readonly console: ConsoleLog
  readonly defaults: ProcessDefaults
  readonly hasWritableDisk: boolean
}

export async function startMachine(options: MachineOptions): Promise<Started> {
  const {
    signal,
    image,
    hostname = 'inlinux',
    bootTimeout = DEFAULT_BOOT_TIMEOUT_MS,
    kernelParameters = [],
    disks = [],
  } = options
  const ramBytes = memoryBytes(options.memory)
  if (disks.length > MAX_DISKS) {
    throw new VmError(
      'ERR_INLINUX_INVALID_ARGUMENT',
      `${disks.length} disks are too many: ${MAX_DISKS} are possible`,
    )
  }
  const abort = new AbortController()
  const onAbort = (): void =>
    abort.abort(
      new VmError('ERR_INLINUX_ABORTED', 'starting the machine was aborted', { cause: signal?.reason }),
    )
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  let running: RunningMachine | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    abort.signal.throwIfAborted()
    const guest = await locateGuest()
    const prepared = await image?.prepare({ signal: abort.signal })
    abort.signal.throwIfAborted()

    let agent: AgentConnection | undefined
    let complaint: AgentFailure | undefined
    const failed = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => reject(abort.signal.reason), { once: true })
    })
    failed.catch(() => {}) // Also awaited below; until then it is nobody's.
    const log = new ConsoleLog((line) => {
      complaint ??= parseAgentLine(line)
    })
    const fail = (what: string, phase: BootPhase, cause?: unknown): void => {
      const error = new VmError(
        'ERR_INLINUX_BOOT',
        complaint === undefined ? what : `${what}: ${complaint.message}`,
        {
          phase: complaint?.phase ?? phase,
          consoleTail: log.tail(),
          cause,
        },
      )
      abort.abort(error)
      agent?.fail(new VmError('ERR_INLINUX_MACHINE_CRASHED', what, { consoleTail: log.tail(), cause }))
    }
    /** How far did it come? The kernel announces its first program, unless it is quiet; a panic names what it lacked. */
    const phaseSoFar = (): BootPhase => (/init/.test(log.tail().join('\n')) ? 'init' : 'kernel')
    const onEnd = (reason: string, error?: Error): void => {
      if (error === undefined) fail(`the guest ended (${reason})`, phaseSoFar())
      else fail(`the CPU’s thread failed: ${error.message}`, 'engine', error)
    }

    running = await boot({
      ramBytes,
      kernel: guest.kernel,
      initramfs: guest.initramfs,
      disks: [
        { path: prepared?.path ?? guest.root, readonly: true },
        ...disks.map(({ path, readonly = true }) => ({ path, readonly })),
      ],
      virtioConsole: options.console === 'virtio',
      kernelParameters,
      onConsole: (bytes) => {
        log.write(bytes)
        options.onConsole?.(bytes)
      },
      onEnd,
    })
    const { vsock } = running
    timer = setTimeout(
      () => fail(`the guest was not ready after ${bootTimeout} ms`, phaseSoFar()),
      bootTimeout,
    )
    const ready = new Promise<AgentConnection>((resolve, reject) => {
      vsock.listen(CONTROL_PORT, (control) => {
        if (agent !== undefined) {
          control.destroy() // Only the agent's first connection counts.
          return
        }
        agent = new AgentConnection(control, vsock)
        agent.ready.then(() => resolve(agent as AgentConnection), reject)
      })
    })
    const connected = await Promise.race([ready, failed])
    connected.addEntropy(randomBytes(ENTROPY_BYTES))
    connected.setHostname(hostname)
    return {
      running,
      agent: connected,
      console: log,
      defaults: defaultsOf(prepared?.config),
      hasWritableDisk: disks.some(({ readonly }) => readonly === false),
    }
  } catch (error) {
    await running?.close()
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

function defaultsOf(config: ImageConfig | undefined): ProcessDefaults {
  if (config === undefined) return {}
  return {
    env: Object.entries(config.env).map(([name, value]) => `${name}=${value}`),
    ...(config.workingDir === undefined ? {} : { cwd: config.workingDir }),
    ...(config.user === undefined ? {} : { user: config.user }),
  }
}
