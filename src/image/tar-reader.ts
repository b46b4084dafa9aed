// Reads a tar archive from a stream, entry by entry, through `tar-stream`.
//
//   bytes ─► TarWindow (keeps raw headers) ─► tar-stream ─► readHeader ─► visitor.entry / data / end
//
// The visitor is called synchronously; back-pressure is its `ready()`, awaited once per piece of the archive and
// not per entry, because an archive of a root file system has tens of thousands of them.
//
// Stricter than tar-stream: entries after the end-of-archive mark are refused (readers disagree about them, which
// is how an archive shows one face to a scanner and another to us), and so is an archive without the mark.

import { extract } from 'tar-stream'
import { VmError } from '../errors/index.ts'
import type { ByteStream } from './decompress.ts'
import type { Pace } from './pace.ts'
import { type RawHeader, readHeader, type TarEntry } from './tar-header.ts'
import { TarWindow } from './tar-window.ts'

export interface TarVisitor {
  /** An entry begins. @returns whether its data is wanted */
  entry(entry: TarEntry, dataAt: number): boolean
  data(piece: Buffer): void
  end(): void
  /** Resolves when the visitor can take more. */
  ready(): Promise<void>
}

interface TarOptions {
  /** A missing end-of-archive mark is an error; not for layers, whose digest proves that they are whole. */
  readonly needsEndMark: boolean
}

const REPLACEMENT = '\ufffd'
/** Known to tar-stream, not to its types: names stay bytes; archives older than POSIX are still archives. */
const EXTRACT_OPTIONS: object = { filenameEncoding: 'latin1', allowUnknownFormat: true }
const NO_RECORDS: ReadonlyMap<string, Buffer> = new Map()

/** @throws VmError for archives that are damaged, unsafe or not supported; and whatever `visitor` throws */
export async function readTar(
  source: ByteStream,
  visitor: TarVisitor,
  pace: Pace,
  options: TarOptions,
): Promise<void> {
  const tar = extract(EXTRACT_OPTIONS)
  const window = new TarWindow()
  const turnstile = new Turnstile()
  let hasEntries = false

  tar.on('error', (error: Error) => turnstile.fail(error))
  tar.on('drain', () => turnstile.open())
  tar.on('close', () => turnstile.open())
  tar.on('entry', (header, stream, next) => {
    // When the archive fails, its open entry fails too; the archive's own error is the one that is reported.
    stream.on('error', () => undefined)
    try {
      const raw = header as unknown as RawHeader
      if (window.startsWithZeros) {
        throw new VmError('ERR_INLINUX_IMAGE_INVALID', 'The archive has entries after its end mark', {
          fix: 'if it is a concatenation of archives, unpack them and pack them again as one',
        })
      }
      const entry = readHeader(raw, recordsOf(raw, window))
      hasEntries = true
      window.forget(raw.byteOffset + Math.ceil(entry.size / 512) * 512)
      const isWanted = visitor.entry(entry, raw.byteOffset)
      if (isWanted) stream.on('data', (piece) => guard(() => visitor.data(piece as Buffer)))
      else stream.resume()
      stream.on('end', () => {
        if (isWanted) guard(() => visitor.end())
        next()
      })
    } catch (error) {
      turnstile.fail(error)
      tar.destroy(error as Error)
    }
  })
  function guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      turnstile.fail(error)
      tar.destroy(error as Error)
    }
  }

  try {
    for await (const piece of source) {
      turnstile.check()
      window.push(piece)
      turnstile.close()
      if (!tar.write(piece)) await turnstile.passed()
      await visitor.ready()
      if (pace.isDue) await pace.turn()
    }
    turnstile.close()
    tar.end(undefined)
    await new Promise<void>((resolve) => {
      tar.once('close', () => resolve())
      if (tar.destroyed) resolve()
    })
    turnstile.check()
    if (!window.endsWithZeros && (options.needsEndMark || !hasEntries)) {
      throw new VmError(
        'ERR_INLINUX_IMAGE_INVALID',
        'The archive has no end mark: it was cut off, or is no tar',
      )
    }
  } catch (error) {
    tar.destroy(error as Error)
    throw asVmError(error)
  }
}

/** The pax records as bytes; from the archive itself where text could not hold them. */
function recordsOf(raw: RawHeader, window: TarWindow): ReadonlyMap<string, Buffer> {
  if (raw.pax === null) return NO_RECORDS
  const records = new Map<string, Buffer>()
  let isLossy = false
  for (const [key, value] of Object.entries(raw.pax)) {
    if (key.includes(REPLACEMENT) || value.includes(REPLACEMENT)) isLossy = true
    records.set(key, Buffer.from(value))
  }
  if (isLossy) for (const [key, value] of window.readPaxRecords(raw.byteOffset)) records.set(key, value)
  return records
}

/** tar-stream's errors are plain ones and mean a damaged archive; the host's have a code. Ours pass as they are. */
function asVmError(error: unknown): unknown {
  if (error instanceof VmError || error instanceof RangeError || error instanceof TypeError) return error
  const { message, code } = error as NodeJS.ErrnoException
  if (code !== undefined) {
    return new VmError('ERR_INLINUX_IMAGE_INVALID', `The archive cannot be read: ${message}`, {
      cause: error,
    })
  }
  const isEnd = /Unexpected end of data/.test(message)
  const text = isEnd ? 'The archive ends in the middle of an entry' : 'The archive is no tar, or is damaged'
  return new VmError('ERR_INLINUX_IMAGE_INVALID', text, { cause: error })
}

/** Lets the writer wait for `drain`, and remembers the first error. */
class Turnstile {
  #isOpen = true
  #error: unknown
  #wake: (() => void) | undefined

  close(): void {
    this.#isOpen = false
  }

  open(): void {
    this.#isOpen = true
    this.#wake?.()
  }

  fail(error: unknown): void {
    this.#error ??= error
    this.open()
  }

  async passed(): Promise<void> {
    while (!this.#isOpen && this.#error === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.check()
  }

  check(): void {
    if (this.#error !== undefined) throw this.#error
  }
}
