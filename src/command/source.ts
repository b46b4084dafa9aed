// Everything that Stdio.from() accepts, as one shape: pull the next piece, or let go.
import { Readable } from 'node:stream'
import { invalid } from './invalid.ts'
import type { Chunk, Source } from './stdio.ts'

/** Bytes in memory are handed on in pieces of a pipe's size, so that a program that reads little costs little. */
const PIECE_BYTES = 65_536

export interface Pull {
  /** The next bytes, or undefined at the end. Called again only after it has settled. */
  next(): Promise<Buffer | undefined>
  /** Nothing more is wanted. May come while `next()` is under way. */
  cancel(): void
}

export function isSource(source: unknown): source is Source {
  if (typeof source === 'string' || typeof source === 'function') return true
  if (typeof source !== 'object' || source === null) return false
  return (
    isBytes(source) || isBlob(source) || isWebStream(source) || Symbol.iterator in source || isAsync(source)
  )
}

/** Throws if the source was used up by an earlier program. */
export async function pull(source: Source): Promise<Pull> {
  if (typeof source === 'function') return pull(await source())
  if (typeof source === 'string' || isBytes(source)) return pullBytes(toBuffer(source))
  if (isBlob(source)) return pullWeb(source.stream() as unknown as ReadableStream<Chunk>)
  if (source instanceof Readable || isNodeStream(source)) return pullNode(source)
  if (isWebStream(source)) return pullWeb(source)
  return pullIterable(source)
}

export function toBuffer(chunk: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (ArrayBuffer.isView(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (chunk instanceof ArrayBuffer) return Buffer.from(chunk)
  throw invalid(`a source must give text or bytes, not ${chunk === null ? 'null' : typeof chunk}`)
}

function pullBytes(bytes: Buffer): Pull {
  let at = 0
  return {
    async next() {
      const piece = bytes.subarray(at, at + PIECE_BYTES)
      at += piece.length
      return piece.length > 0 ? piece : undefined
    },
    cancel() {
      at = bytes.length
    },
  }
}

function pullNode(stream: Readable): Pull {
  if (stream.destroyed || stream.readableEnded) throw usedUp()
  const iterator = stream[Symbol.asyncIterator]()
  return {
    next: async () => {
      const { value, done } = await iterator.next()
      return done ? undefined : toBuffer(value)
    },
    // Not iterator.return(): that would wait for a chunk that may never come.
    cancel: () => stream.destroy(),
  }
}

function pullWeb(stream: ReadableStream<Chunk>): Pull {
  if (stream.locked) throw usedUp()
  const reader = stream.getReader()
  return {
    next: async () => {
      const { value, done } = await reader.read()
      return done ? undefined : toBuffer(value)
    },
    cancel: () => void reader.cancel().catch(() => {}),
  }
}

const usedIterators = new WeakSet<object>()

function pullIterable(source: Iterable<Chunk> | AsyncIterable<Chunk>): Pull {
  const iterator = isAsync(source) ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  // A generator is its own iterator: a second program would silently get nothing.
  if ((iterator as object) === source) {
    if (usedIterators.has(source)) throw usedUp()
    usedIterators.add(source)
  }
  return {
    next: async () => {
      const { value, done } = await iterator.next()
      return done ? undefined : toBuffer(value)
    },
    cancel: () => void Promise.resolve(iterator.return?.()).catch(() => {}),
  }
}

/** Who reads this process's stdin next. Programs that inherit it at the same time take turns, chunk by chunk, as
 * processes that share a descriptor do; with two listeners at once each would get everything. */
let stdinTurn: Promise<void> = Promise.resolve()

/**
 * The stdin of this process: only borrowed. A chunk that was not sent goes back for the next reader.
 * It is read by 'data' with pause(), because only pause() makes Node stop watching the descriptor: a process
 * whose stdin stays open must still be able to end.
 */
export function pullStdin(stdin: NodeJS.ReadStream): Pull {
  /** Handed out and not yet known to be taken. */
  let current: Buffer | undefined
  let canceled = false
  let wake = (): void => {}
  const isOver = (): boolean => canceled || stdin.readableEnded || stdin.destroyed
  const giveBack = (chunk: Buffer): void => {
    if (!stdin.readableEnded && !stdin.destroyed) stdin.unshift(chunk)
  }
  const read = async (): Promise<Buffer | undefined> => {
    if (isOver()) return undefined
    const chunks: Buffer[] = []
    let failure: Error | undefined
    const arrived = (chunk: unknown): void => {
      stdin.pause()
      chunks.push(toBuffer(chunk))
      wake()
    }
    const failed = (error: Error): void => {
      failure = error
      wake()
    }
    await new Promise<void>((resolve) => {
      wake = resolve
      stdin.on('data', arrived).on('end', resolve).on('close', resolve).on('error', failed)
      stdin.resume()
    })
    stdin.pause()
    stdin.off('data', arrived).off('end', wake).off('close', wake).off('error', failed)
    if (failure !== undefined) throw failure
    const chunk = chunks.length > 0 ? Buffer.concat(chunks) : undefined
    if (chunk === undefined || !canceled) return chunk
    giveBack(chunk)
    return undefined
  }
  return {
    next() {
      current = undefined
      const chunk = stdinTurn.then(read)
      stdinTurn = chunk.then(
        () => {},
        () => {},
      )
      return chunk.then((bytes) => {
        current = bytes
        return bytes
      })
    },
    cancel() {
      if (canceled) return
      canceled = true
      if (current !== undefined) giveBack(current)
      wake()
    },
  }
}

function usedUp(): Error {
  return invalid('this source has been read already', 'give Stdio.from() a function that makes a new one')
}

function isBytes(value: object): value is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer
}

function isBlob(value: object): value is Blob {
  return value instanceof Blob
}

function isWebStream(value: object): value is ReadableStream<Chunk> {
  return typeof (value as { getReader?: unknown }).getReader === 'function'
}

function isAsync(value: object): value is AsyncIterable<Chunk> {
  return typeof (value as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] === 'function'
}

/** Another copy of Node's streams (readable-stream): iterable and destroyable. */
function isNodeStream(value: object): value is Readable {
  const stream = value as Partial<Readable>
  return typeof stream.pipe === 'function' && typeof stream.destroy === 'function' && isAsync(value)
}
