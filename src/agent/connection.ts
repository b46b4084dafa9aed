// The host's side of the agent: one control connection, and one stream for each piped descriptor.
//
//    start(spec) ─► START ─► agent ─► STARTED pid | FAILED errno step
//               └─► connect(1025) × pipes, each beginning with (id, fd)
//    later:        EXITED code signal, and how much the program had written by then
//
// No polling: every promise here is settled by a frame, by the end of the connection, or by `fail()`, which the
// machine calls when its CPU stopped. A guest that breaks the protocol loses the connection; nothing is thrown.
import type { Duplex } from 'node:stream'
import { VmError } from '../errors/index.ts'
import {
  type ProcessExit,
  type ProcessSpec,
  type RemoteProcess,
  StartFailure,
  type StreamTransport,
} from './contract.ts'
import { errnoName } from './errno.ts'
import * as protocol from './protocol.ts'
import { ProcessInput, ProcessOutput } from './stdio.ts'

const E2BIG = 7
const SIGKILL = 9
const MAX_ID = 0xffff_ffff

/** A program between START and EXITED. */
interface Entry {
  started(pid: number): void
  failed(error: Error): void
  exited(end: ProcessEnd): void
}

interface ProcessEnd {
  readonly code: number | null
  readonly signal: number | null
  readonly stdout: PipeEnd
  readonly stderr: PipeEnd
}

/** An output pipe at the moment of the process's death. */
interface PipeEnd {
  readonly bytes: number
  readonly held: boolean
}

export interface AgentOptions {
  /** The agent's remarks, e.g. a mount that an image does not need but a program might. */
  readonly onLog?: (line: string) => void
}

export class AgentConnection {
  readonly #control: Duplex
  readonly #transport: StreamTransport
  readonly #options: AgentOptions
  readonly #entries = new Map<number, Entry>()
  readonly #streams = new Set<Duplex>()
  readonly #frames = new protocol.FrameReader()
  #nextId = 1
  #failure: VmError | undefined
  #ready!: () => void
  #readyFailed!: (error: Error) => void
  #bye: (() => void) | undefined
  #over!: () => void
  #version = ''

  /** The agent mounted everything and takes requests. Rejects with the VmError that ended the connection. */
  readonly ready: Promise<void>
  /** The connection is over, for whatever reason; never rejects. */
  readonly closed: Promise<void>

  /** `control` is a stream between the agent and port 1024, whoever of the two has called the other. */
  constructor(control: Duplex, transport: StreamTransport, options: AgentOptions = {}) {
    this.#control = control
    this.#transport = transport
    this.#options = options
    this.ready = new Promise((resolve, reject) => {
      this.#ready = resolve
      this.#readyFailed = reject
    })
    this.ready.catch(() => {})
    this.closed = new Promise((resolve) => {
      this.#over = resolve
    })
    control.on('data', (chunk: Buffer) => this.#receive(chunk))
    control.on('error', (cause) => this.fail(crashed('the connection to the guest failed', cause)))
    control.on('close', () => this.fail(crashed('the guest closed its connection')))
    control.on('end', () => this.fail(crashed('the guest closed its connection')))
  }

  /** The agent's version, once `ready`. */
  get version(): string {
    return this.#version
  }

  async start(spec: ProcessSpec): Promise<RemoteProcess> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#nextId > MAX_ID)
      throw new VmError('ERR_INLINUX_AGENT_PROTOCOL', 'this machine has started 2^32 programs')
    const { program, argv, env, cwd = '', user = '', umask = 0o022, stdin, stdout, stderr } = spec
    const payload = protocol.encodeStart({
      program,
      argv,
      env,
      cwd,
      user,
      umask,
      stdio: [stdin, stdout, stderr],
    })
    if (payload === undefined) throw new StartFailure('E2BIG', E2BIG, 'exec')
    const id = this.#nextId++
    return this.#launch(id, spec, payload)
  }

  /** Sets the guest's real-time clock, in nanoseconds since 1970 UTC. */
  setClock(nanoseconds: bigint): void {
    this.#send(protocol.MSG_CLOCK, 0, 0, protocol.encodeU64(nanoseconds))
  }

  /** Mixes random bytes into the guest's pool, credited in full. At most 4096 bytes count. */
  addEntropy(bytes: Uint8Array): void {
    this.#send(protocol.MSG_ENTROPY, 0, 0, bytes)
  }

  setHostname(name: string): void {
    this.#send(protocol.MSG_HOSTNAME, 0, 0, protocol.encodeString(name))
  }

  /** Kills all programs, writes data back if asked to, and stops the guest. Resolved when it said goodbye or is
   * gone; from then on nothing in the guest matters and the machine can be dropped. */
  powerOff({ sync }: { readonly sync: boolean }): Promise<void> {
    if (this.#failure !== undefined) return Promise.resolve()
    const bye = new Promise<void>((resolve) => {
      this.#bye = resolve
    })
    this.#send(protocol.MSG_POWEROFF, sync ? protocol.POWEROFF_SYNC : 0, 0, new Uint8Array())
    return Promise.race([bye, this.closed])
  }

  /** Drops everything at once. What is still waiting fails with ERR_INLINUX_MACHINE_CLOSED. */
  close(): void {
    this.fail(new VmError('ERR_INLINUX_MACHINE_CLOSED', 'the machine was closed'))
  }

  /** The guest is gone: settles every promise and destroys every stream with `error`. The first call counts. */
  fail(error: VmError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#readyFailed(error)
    for (const entry of this.#entries.values()) entry.failed(error)
    this.#entries.clear()
    for (const stream of this.#streams) stream.destroy()
    this.#control.destroy()
    this.#over()
  }

  // ── a program ───────────────────────────────────────────────────────────────────────────────────────────

  async #launch(id: number, spec: ProcessSpec, payload: Buffer): Promise<RemoteProcess> {
    const started = deferred<number>()
    const ended = deferred<ProcessEnd>()
    let alive = true
    this.#entries.set(id, {
      started: started.resolve,
      failed: (error) => {
        alive = false
        started.reject(error)
        ended.reject(error)
      },
      exited: (end) => {
        alive = false
        started.reject(new VmError('ERR_INLINUX_AGENT_PROTOCOL', 'a program ended that had not started'))
        ended.resolve(end)
      },
    })
    // Streams of a program that does not start are dropped, also those that are still being connected.
    const starting = deferred<void>()
    const stdio = Promise.all([
      started.promise,
      spec.stdin === 'pipe' ? this.#connect(id, 0, ProcessInput, starting.promise) : null,
      spec.stdout === 'pipe' ? this.#connect(id, 1, ProcessOutput, starting.promise) : null,
      spec.stderr === 'pipe' ? this.#connect(id, 2, ProcessOutput, starting.promise) : null,
    ])
    this.#send(protocol.MSG_START, spec.defaultHome ? protocol.START_DEFAULT_HOME : 0, id, payload)
    const [pid, stdin, stdout, stderr] = await stdio.catch((error: Error) => {
      starting.reject(error)
      if (alive) this.#kill(id, SIGKILL, 'group')
      throw error
    })

    const exited = ended.promise.then(async (end): Promise<ProcessExit> => {
      await Promise.all([
        stdout?.fetch(end.stdout.bytes, end.stdout.held),
        stderr?.fetch(end.stderr.bytes, end.stderr.held),
      ])
      return { code: end.code, signal: end.signal, held: end.stdout.held || end.stderr.held }
    })
    const closed = exited.then(
      () => Promise.all([stdout?.finished, stderr?.finished]).then(() => {}),
      () => {},
    )
    const kill = (signal: number, target: 'process' | 'group'): boolean => {
      if (alive) this.#kill(id, signal, target)
      return alive
    }
    return { pid, stdin, stdout, stderr, kill, exited, closed }
  }

  /** Opens the stream of one descriptor. The wrapper listens before the agent knows whose stream it is, that is
   * before anything can happen on it: a program without output may be over before its STARTED is handled. */
  async #connect<Wrapper extends ProcessInput | ProcessOutput>(
    id: number,
    fd: number,
    Wrap: new (stream: Duplex, lost: () => Error | undefined) => Wrapper,
    unwanted: Promise<unknown>,
  ): Promise<Wrapper> {
    let stream: Duplex
    try {
      stream = await this.#transport.connect(protocol.STREAM_PORT)
    } catch (cause) {
      throw this.#failure ?? crashed('the guest refused a stream', cause)
    }
    if (this.#failure !== undefined) {
      stream.destroy()
      throw this.#failure
    }
    const wrapper = new Wrap(stream, () => this.#failure)
    unwanted.catch(() => wrapper.destroy())
    this.#streams.add(stream)
    stream.on('close', () => this.#streams.delete(stream))
    stream.write(protocol.encodeStreamHeader(id, fd))
    return wrapper
  }

  #kill(id: number, signal: number, target: 'process' | 'group'): void {
    this.#send(
      protocol.MSG_SIGNAL,
      target === 'group' ? protocol.SIGNAL_GROUP : 0,
      id,
      protocol.encodeU32(signal),
    )
  }

  // ── frames ──────────────────────────────────────────────────────────────────────────────────────────────

  #send(type: number, flags: number, id: number, payload: Uint8Array): void {
    if (this.#failure === undefined) this.#control.write(protocol.encodeFrame(type, flags, id, payload))
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) this.#handle(frame)
    } catch (cause) {
      this.fail(new VmError('ERR_INLINUX_AGENT_PROTOCOL', 'the guest broke the protocol', { cause }))
    }
  }

  #handle({ type, flags, id, payload }: protocol.Frame): void {
    const reader = new protocol.PayloadReader(payload)
    const entry = this.#entries.get(id)
    switch (type) {
      case protocol.MSG_READY:
        this.#greet(reader)
        return
      case protocol.MSG_STARTED:
        entry?.started(reader.u32())
        return
      case protocol.MSG_FAILED: {
        const errno = reader.u32()
        const step = protocol.START_STEPS[reader.u32()] ?? 'protocol'
        this.#entries.delete(id)
        entry?.failed(new StartFailure(errnoName(errno), errno, step))
        return
      }
      case protocol.MSG_EXITED: {
        const [code, signal] = [reader.u32(), reader.u32()]
        const [stdoutBytes, stderrBytes] = [reader.u64(), reader.u64()]
        this.#entries.delete(id)
        entry?.exited({
          code: signal === 0 ? code & 0xff : null,
          signal: signal === 0 ? null : signal,
          stdout: { bytes: stdoutBytes, held: (flags & protocol.EXITED_HELD_STDOUT) !== 0 },
          stderr: { bytes: stderrBytes, held: (flags & protocol.EXITED_HELD_STDERR) !== 0 },
        })
        return
      }
      case protocol.MSG_LOG:
        this.#options.onLog?.(reader.string())
        return
      case protocol.MSG_BYE:
        this.#bye?.()
        return
      default: // a newer agent: what we do not ask for we need not understand
    }
  }

  #greet(reader: protocol.PayloadReader): void {
    const version = reader.u32()
    if (version !== protocol.PROTOCOL_VERSION) {
      const message = `the agent speaks protocol ${version}, this library ${protocol.PROTOCOL_VERSION}`
      this.fail(
        new VmError('ERR_INLINUX_AGENT_PROTOCOL', message, { fix: 'rebuild the guest (npm run setup)' }),
      )
      return
    }
    this.#version = reader.string()
    this.#ready()
  }
}

function crashed(message: string, cause?: unknown): VmError {
  return new VmError('ERR_INLINUX_MACHINE_CRASHED', message, { cause })
}

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** Its rejection counts as handled: whoever needs the promise awaits it, others need not know. */
function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((res, rej) => {
    resolve = res
    reject = rej
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}
