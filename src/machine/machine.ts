// A running machine: programs, counters, and its end. start.ts says how it comes up.

import type {
  AgentConnection,
  ProcessDefaults,
  ProcessHost,
  ProcessSpec,
  RemoteProcess,
} from '../agent/index.ts'
import type { EngineName, VcpuCounters } from '../engine/index.ts'
import type { RunningMachine } from './boot.ts'
import { ClockKeeper } from './clock-keeper.ts'
import type { ConsoleLog } from './console-log.ts'
import type { MachineOptions } from './options.ts'
import { MachineProfile } from './profile.ts'
import { type Started, startMachine } from './start.ts'

const SYNC_TIMEOUT_MS = 10_000

export class Machine implements ProcessHost {
  readonly engine: EngineName
  readonly processDefaults: ProcessDefaults
  readonly #running: RunningMachine
  readonly #agent: AgentConnection
  readonly #console: ConsoleLog
  readonly #syncBeforeClose: boolean
  readonly #clock: ClockKeeper
  #closing: Promise<void> | undefined

  /** For subclasses; use `Machine.start`. */
  protected constructor(started: Started) {
    this.#running = started.running
    this.#agent = started.agent
    this.#console = started.console
    this.processDefaults = started.defaults
    this.#syncBeforeClose = started.hasWritableDisk
    this.engine = started.running.cpu.engine
    this.#clock = new ClockKeeper((nanoseconds) => this.#agent.setClock(nanoseconds))
  }

  /**
   * Boots a machine and waits until programs can be started in it.
   * @throws VmError `ERR_INLINUX_BOOT` with phase, console and fix; `ERR_INLINUX_GUEST_MISSING`;
   *   `ERR_INLINUX_INVALID_ARGUMENT`; the image's errors; `ERR_INLINUX_ABORTED`
   */
  static async start(options: MachineOptions = {}): Promise<Machine> {
    return new Machine(await startMachine(options))
  }

  /** Starts a program; `Command` is the comfortable way. */
  start(spec: ProcessSpec): Promise<RemoteProcess> {
    return this.#agent.start(spec)
  }

  /** The last lines of the guest's console. */
  consoleTail(lines?: number): string[] {
    return this.#console.tail(lines)
  }

  counters(): VcpuCounters {
    return this.#running.cpu.counters()
  }

  /** Starts to look where the machine's time goes. Several profiles may run at the same time. */
  profile(): MachineProfile {
    const { cpu } = this.#running
    return new MachineProfile(
      () => cpu.activity(),
      () => cpu.counters(),
    )
  }

  /**
   * Ends the machine: its programs are gone. At once, unless it has a writable disk: then the guest first writes
   * back what it holds, for which it has ten seconds.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#clock.close()
    if (this.#syncBeforeClose) {
      const goodbye = this.#agent.powerOff({ sync: true })
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, SYNC_TIMEOUT_MS)
      })
      await Promise.race([goodbye, late])
      clearTimeout(timer)
    }
    this.#agent.close()
    await this.#running.close()
  }
}
