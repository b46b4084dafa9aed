// A program under ptrace on the host's processor, through native/tracer.c.

import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { compileNative } from '../differential/native.ts'

const source = fileURLToPath(
  new URL('../../../../../test/engine/soft/lockstep/native/tracer.c', import.meta.url),
)

const REGISTERS_SIZE = 216
export const RECORD_SIZE: number = REGISTERS_SIZE + 512
/** Byte offsets in user_regs_struct, in the processor's order of registers. */
const ORDER = [80, 88, 96, 40, 152, 32, 104, 112, 72, 64, 56, 48, 24, 16, 8, 0]
const ORIG_RAX = 120
const RIP = 128
const EFLAGS = 144
const FS_BASE = 168
const GS_BASE = 176

/** A register by its number, or one of two others. */
export type Changeable = number | 'rip' | 'orig_rax' | 'eflags'

/** The processor's state as the tracer sends it; a view, valid until the next command. */
export class NativeState {
  readonly #view: DataView
  /** FXSAVE image. */
  readonly fxsave: Uint8Array
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.fxsave = bytes.subarray(REGISTERS_SIZE)
  }
  register(number: number): bigint {
    return this.#view.getBigUint64(ORDER[number]!, true)
  }
  /** The registers as our core has them in memory. */
  copyRegisters(to: Uint32Array): void {
    for (let i = 0; i < 16; i++) {
      to[2 * i] = this.#view.getUint32(ORDER[i]!, true)
      to[2 * i + 1] = this.#view.getUint32(ORDER[i]! + 4, true)
    }
  }
  get rip(): bigint {
    return this.#view.getBigUint64(RIP, true)
  }
  get rflags(): number {
    return this.#view.getUint32(EFLAGS, true)
  }
  get fsBase(): bigint {
    return this.#view.getBigUint64(FS_BASE, true)
  }
  get gsBase(): bigint {
    return this.#view.getBigUint64(GS_BASE, true)
  }
  /** At the entry of a system call: its number. */
  get systemCall(): bigint {
    return this.#view.getBigUint64(ORIG_RAX, true)
  }
  /** A copy of the registers with some replaced, for `setRegisters`. */
  changed(values: ReadonlyMap<Changeable, bigint>): Uint8Array {
    const copy = new Uint8Array(this.bytes.subarray(0, REGISTERS_SIZE))
    const view = new DataView(copy.buffer)
    for (const [name, value] of values) {
      const named = { rip: RIP, orig_rax: ORIG_RAX, eflags: EFLAGS }
      const at = typeof name === 'number' ? ORDER[name]! : named[name]
      view.setBigUint64(at, value, true)
    }
    return copy
  }
}

export interface Steps {
  readonly states: readonly NativeState[]
  /** 0, or waitpid's status of a program that ended or got a signal. */
  readonly status: number
}

export class NativeProcess {
  readonly pid: number
  readonly start: NativeState
  readonly #tracer: ChildProcess
  readonly #commands: Writable
  readonly #receive: (bytes: number) => Promise<Buffer>

  private constructor(
    tracer: ChildProcess,
    receive: (bytes: number) => Promise<Buffer>,
    pid: number,
    start: NativeState,
  ) {
    this.#tracer = tracer
    this.#commands = tracer.stdio[4] as Writable
    this.#receive = receive
    this.pid = pid
    this.start = start
  }

  /** Starts `program` with an empty environment and `input` as its stdin; it stands before its first instruction. */
  static async start(program: readonly string[], input: string | Uint8Array = ''): Promise<NativeProcess> {
    const tracer = spawn(compileNative(source), program, {
      stdio: ['pipe', 'ignore', 'inherit', 'pipe', 'pipe'],
      env: {},
    })
    tracer.stdin!.on('error', () => {})
    tracer.stdin!.end(input)
    const receive = receiver(tracer.stdio[3] as Readable)
    const head = await receive(8)
    const start = new NativeState(await receive(RECORD_SIZE))
    return new NativeProcess(tracer, receive, head.readUInt32LE(0), start)
  }

  step(count: number): Promise<Steps> {
    return this.#command('S', count)
  }
  /** Runs to the entry of the next system call. */
  toSystemCall(): Promise<Steps> {
    return this.#command('C', 0)
  }
  /** From the entry of a system call to its exit. */
  finishSystemCall(): Promise<Steps> {
    return this.#command('X', 0)
  }
  setRegisters(registers: Uint8Array): void {
    this.#commands.write(Buffer.concat([command('W', 0), registers]))
  }
  close(): void {
    this.#commands.end()
    this.#tracer.unref()
  }

  async #command(letter: string, count: number): Promise<Steps> {
    this.#commands.write(command(letter, count))
    const head = await this.#receive(8)
    const done = head.readUInt32LE(0)
    const bytes = await this.#receive(done * RECORD_SIZE)
    const states = Array.from(
      { length: done },
      (_, i) => new NativeState(bytes.subarray(i * RECORD_SIZE, (i + 1) * RECORD_SIZE)),
    )
    return { states, status: head.readInt32LE(4) }
  }
}

function command(letter: string, count: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(letter.charCodeAt(0), 0)
  bytes.writeUInt32LE(count, 4)
  return bytes
}

/** Reads exactly as many bytes as asked for; one reader at a time. */
function receiver(stream: Readable): (bytes: number) => Promise<Buffer> {
  let chunks: Buffer[] = []
  let have = 0
  let ended = false
  let wake = (): void => {}
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    have += chunk.length
    wake()
  })
  stream.on('close', () => {
    ended = true
    wake()
  })
  return async (bytes) => {
    while (have < bytes) {
      if (ended) throw new Error('the tracer ended')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    chunks = all.length > bytes ? [all.subarray(bytes)] : []
    have -= bytes
    return all.subarray(0, bytes)
  }
}
