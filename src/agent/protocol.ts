// The wire protocol between the host and the agent in the guest; guest/agent/protocol.h is the other half of
// this file and draws the frame. Everything is little-endian; a string is `u32 n`, n bytes of UTF-8 and a NUL.
//
// The guest is not trusted: a frame above MAX_FRAME_TO_HOST or a payload that is shorter than its type says is
// a ProtocolError, which ends the connection and nothing else.

export const PROTOCOL_VERSION = 1
export const CONTROL_PORT = 1024
export const STREAM_PORT = 1025

export const FRAME_HEADER_BYTES = 12
/** The agent refuses more: execve() takes about 2 MiB of arguments and environment. */
export const MAX_FRAME_TO_GUEST: number = 4 << 20
/** The agent's payloads are below 1 KiB; a guest that announces more wants the host to allocate it. */
export const MAX_FRAME_TO_HOST = 4096

export const MSG_START = 1
export const MSG_SIGNAL = 2
export const MSG_CLOCK = 3
export const MSG_ENTROPY = 4
export const MSG_HOSTNAME = 5
export const MSG_POWEROFF = 6

export const MSG_READY = 129
export const MSG_STARTED = 130
export const MSG_FAILED = 131
export const MSG_EXITED = 132
export const MSG_LOG = 133
export const MSG_BYE = 134

export const START_DEFAULT_HOME = 1
export const SIGNAL_GROUP = 1
export const POWEROFF_SYNC = 1
/** A descendant still holds the pipe: more may come than the bytes that EXITED counts. */
export const EXITED_HELD_STDOUT = 1
export const EXITED_HELD_STDERR = 2

/** How a program gets one of its first three descriptors; the index is the value on the wire. */
export const STDIO_MODES = ['null', 'pipe', 'stdout'] as const
export type StdioMode = (typeof STDIO_MODES)[number]

/** The steps of starting a program; the index is the value on the wire. */
export const START_STEPS = ['protocol', 'stdio', 'fork', 'user', 'chdir', 'exec'] as const
export type StartStep = (typeof START_STEPS)[number]

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}

export interface StartRequest {
  readonly program: string
  readonly argv: readonly string[]
  /** `K=V` each. */
  readonly env: readonly string[]
  readonly cwd: string
  readonly user: string
  readonly umask: number
  readonly stdio: readonly [StdioMode, StdioMode, StdioMode]
}

export function encodeFrame(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length)
  frame.writeUInt32LE(payload.length, 0)
  frame.writeUInt16LE(type, 4)
  frame.writeUInt16LE(flags, 6)
  frame.writeUInt32LE(id, 8)
  frame.set(payload, FRAME_HEADER_BYTES)
  return frame
}

/** The payload of START, or undefined if no kernel would take so many bytes of arguments. */
export function encodeStart(request: StartRequest): Buffer | undefined {
  const { program, argv, env, cwd, user, umask, stdio } = request
  const strings = [program, cwd, user, ...argv, ...env]
  // Three counts or fixed words of 4 bytes, and per string its length and NUL.
  const size = 16 + strings.reduce((sum, text) => sum + Buffer.byteLength(text) + 5, 0)
  if (size > MAX_FRAME_TO_GUEST) return undefined

  const payload = Buffer.alloc(size)
  let at = 0
  const u32 = (value: number): void => {
    at = payload.writeUInt32LE(value, at)
  }
  const string = (text: string): void => {
    const length = payload.write(text, at + 4)
    u32(length)
    at += length + 1
  }
  for (const mode of stdio) at = payload.writeUInt8(STDIO_MODES.indexOf(mode), at)
  at += 1
  u32(umask)
  string(program)
  string(cwd)
  string(user)
  u32(argv.length)
  argv.forEach(string)
  u32(env.length)
  env.forEach(string)
  return payload
}

export function encodeU32(value: number): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32LE(value)
  return payload
}

export function encodeU64(value: bigint): Buffer {
  const payload = Buffer.allocUnsafe(8)
  payload.writeBigUInt64LE(value)
  return payload
}

export function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([encodeU32(bytes.length), bytes, Buffer.alloc(1)])
}

/** What a stdio stream begins with. */
export function encodeStreamHeader(id: number, fd: number): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32LE(id, 0)
  header.writeUInt8(fd, 4)
  return header
}

/** Reads a payload in order; every value is checked against its end. */
export class PayloadReader {
  #at = 0
  readonly #payload: Buffer

  constructor(payload: Buffer) {
    this.#payload = payload
  }

  u32(): number {
    return this.#payload.readUInt32LE(this.#take(4))
  }

  /** Counts and sizes; above 2^53 a guest is lying, and the nearest number is as good. */
  u64(): number {
    return Number(this.#payload.readBigUInt64LE(this.#take(8)))
  }

  string(): string {
    const length = this.u32()
    const start = this.#take(length)
    this.#take(1)
    return this.#payload.toString('utf8', start, start + length)
  }

  #take(size: number): number {
    const start = this.#at
    if (size > this.#payload.length - start)
      throw new ProtocolError('a payload is shorter than its type says')
    this.#at = start + size
    return start
  }
}

/** Cuts the byte stream of the control connection into frames. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0)

  /** The frames that are complete with `chunk`. At most one incomplete frame is kept. */
  push(chunk: Buffer): Frame[] {
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const frames: Frame[] = []
    while (rest.length >= FRAME_HEADER_BYTES) {
      const length = rest.readUInt32LE(0)
      if (length > MAX_FRAME_TO_HOST) throw new ProtocolError(`a frame of ${length} bytes`)
      const end = FRAME_HEADER_BYTES + length
      if (rest.length < end) break
      const payload = rest.subarray(FRAME_HEADER_BYTES, end)
      frames.push({
        type: rest.readUInt16LE(4),
        flags: rest.readUInt16LE(6),
        id: rest.readUInt32LE(8),
        payload,
      })
      rest = rest.subarray(end)
    }
    this.#pending = Buffer.from(rest)
    return frames
  }
}
