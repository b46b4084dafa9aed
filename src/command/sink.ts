// Everything that Stdio.to() accepts, and the inherited outputs, as one shape: take this, and that was all.
import { finished, type Writable } from 'node:stream'
import { invalid } from './invalid.ts'
import type { Target } from './stdio.ts'

export interface Push {
  /** Settles when more may come. Rejects with ReaderGone when the target wants no more. */
  write(chunk: Buffer): Promise<void>
  end(): Promise<void>
  /** There will be no end(): lets go of the target as it is. */
  abandon(): void
}

/** The target was closed by its reader: not an error, the program gets SIGPIPE as in a shell's pipeline. */
export class ReaderGone extends Error {}

export function isTarget(target: unknown): target is Target {
  return typeof target === 'function' || isNodeWritable(target) || isWebWritable(target)
}

export function push(target: Target): Push {
  if (typeof target === 'function') return pushFunction(target)
  return isWebWritable(target) ? pushWeb(target) : pushNode(target)
}

function pushFunction(target: (chunk: Buffer) => unknown): Push {
  return {
    write: async (chunk) => {
      await target(chunk)
    },
    end: async () => {},
    abandon: () => {},
  }
}

function pushWeb(stream: WritableStream<Uint8Array>): Push {
  if (stream.locked) throw usedUp()
  const writer = stream.getWriter()
  writer.closed.catch(() => {})
  return {
    write: async (chunk) => {
      await writer.ready
      await writer.write(chunk)
    },
    end: () => writer.close(),
    abandon: () => writer.releaseLock(),
  }
}

function pushNode(stream: Writable): Push {
  if (stream.writableEnded || stream.destroyed) throw usedUp()
  let fail: (error: Error) => void
  // A stream can fail while nothing is being written to it, and may then never call a write's callback.
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})
  const onError = (error: Error): void => fail(isGone(error) ? new ReaderGone() : error)
  const onClose = (): void => fail(new ReaderGone())
  // Many programs may share process.stdout; their listeners are no leak.
  stream.setMaxListeners(stream.getMaxListeners() + 1)
  stream.on('error', onError)
  stream.on('close', onClose)
  const release = (): void => {
    stream.setMaxListeners(Math.max(0, stream.getMaxListeners() - 1))
    stream.off('close', onClose)
    // An error that is on its way must still find a listener.
    setImmediate(() => stream.off('error', onError))
  }
  return {
    write: (chunk) => {
      const written = new Promise<void>((resolve) => stream.write(chunk, (error) => error || resolve()))
      return Promise.race([written, failed])
    },
    end: () => {
      if (isProcessOutput(stream)) {
        release()
        return Promise.resolve()
      }
      stream.off('close', onClose)
      return new Promise((resolve, reject) => {
        finished(stream, { readable: false }, (error) => {
          release()
          if (error && !isGone(error)) reject(error)
          else resolve()
        })
        stream.end()
      })
    },
    abandon: release,
  }
}

/** process.stdout and process.stderr belong to the process: they are never ended. */
function isProcessOutput(stream: Writable): boolean {
  return stream === process.stdout || stream === process.stderr
}

function isGone(error: NodeJS.ErrnoException): boolean {
  return (
    error.code === 'EPIPE' ||
    error.code === 'ERR_STREAM_PREMATURE_CLOSE' ||
    error.code === 'ERR_STREAM_DESTROYED'
  )
}

function usedUp(): Error {
  return invalid('this target of Stdio.to() is closed or in use')
}

function isNodeWritable(value: unknown): value is Writable {
  const stream = value as Partial<Writable> | null
  return typeof stream === 'object' && typeof stream?.write === 'function' && typeof stream.on === 'function'
}

function isWebWritable(value: unknown): value is WritableStream<Uint8Array> {
  return typeof (value as { getWriter?: unknown } | null)?.getWriter === 'function'
}
