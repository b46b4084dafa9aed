// Waiting for an AbortSignal. One signal may cancel any number of commands: that is no leak of listeners, and the
// warning of Node is kept from saying so by raising the limit while we listen.
import { getMaxListeners, setMaxListeners } from 'node:events'

/** Calls `listener` when `signal` aborts, at once if it has. Returns what stops the waiting. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener()
    return () => {}
  }
  const limit = getMaxListeners(signal)
  if (limit > 0) setMaxListeners(limit + 1, signal) // 0 is no limit
  signal.addEventListener('abort', listener, { once: true })
  return () => {
    signal.removeEventListener('abort', listener)
    if (limit > 0) setMaxListeners(Math.max(1, getMaxListeners(signal) - 1), signal)
  }
}
