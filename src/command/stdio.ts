// What a program's stdin, stdout and stderr are connected to.
//
// A Stdio is a plan, not a connection: a Command can be spawned many times with the same one. Only a source that
// can be read once (a stream, a generator) works once; give a function that makes a new one instead.
import type { Readable, Writable } from 'node:stream'
import { invalid } from './invalid.ts'
import { isTarget } from './sink.ts'
import { isSource } from './source.ts'

export type StdioKind = 'piped' | 'inherit' | 'null' | 'from' | 'to'

/** Bytes, or text that becomes UTF-8. */
export type Chunk = string | ArrayBuffer | ArrayBufferView

/** Anything that can be read as bytes or text. */
export type Source =
  | Chunk
  | Blob
  | Readable
  | ReadableStream<Chunk>
  | Iterable<Chunk>
  | AsyncIterable<Chunk>
  | (() => Source | Promise<Source>)

/** Anything that takes bytes. A function is called with each chunk; the program waits for its promise. */
export type Target = Writable | WritableStream<Uint8Array> | ((chunk: Buffer) => unknown)

export type StdioPlan =
  | { readonly kind: 'piped' | 'inherit' | 'null' }
  | { readonly kind: 'from'; readonly source: Source }
  | { readonly kind: 'to'; readonly target: Target }

export class Stdio<Kind extends StdioKind = StdioKind> {
  /** Keeps the kind in the type, so that `child.stdout` is a Readable exactly when stdout is piped. */
  declare readonly kind: Kind
  readonly plan: StdioPlan

  private constructor(plan: StdioPlan) {
    this.plan = plan
    Object.defineProperty(this, 'kind', { value: plan.kind, enumerable: true })
  }

  /** A stream of the Child: `child.stdin`, `child.stdout`, `child.stderr`. */
  static piped(): Stdio<'piped'> {
    return new Stdio({ kind: 'piped' })
  }

  /** The stdin, stdout or stderr of this process. The program sees a pipe, also where this is a terminal. */
  static inherit(): Stdio<'inherit'> {
    return new Stdio({ kind: 'inherit' })
  }

  /** `/dev/null`. */
  static null(): Stdio<'null'> {
    return new Stdio({ kind: 'null' })
  }

  /** stdin from a string, bytes, a Blob, a stream, an (async) iterable, or a function that returns one. It is
   * read as fast as the program reads, and let go of when the program stops reading. */
  static from(source: Source): Stdio<'from'> {
    if (!isSource(source))
      throw invalid('Stdio.from() takes text, bytes, a Blob, a stream, an iterable or a function')
    return new Stdio({ kind: 'from', source })
  }

  /** stdout or stderr to a stream, which is ended with the output, or to a function. With the same target for
   * both, the program writes both into one pipe and their order is kept. */
  static to(target: Target): Stdio<'to'> {
    if (!isTarget(target)) throw invalid('Stdio.to() takes a Writable, a WritableStream or a function')
    return new Stdio({ kind: 'to', target })
  }
}
