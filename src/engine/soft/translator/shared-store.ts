// The stores that this thread has open, by their folder: all machines that it translates for use the same one.

import { CodeStore } from './code-store.ts'

const stores = new Map<string, CodeStore | undefined>()

/** @returns undefined when there is none, or it cannot be used */
export function openStore(folder: string | undefined): CodeStore | undefined {
  if (folder === undefined) return undefined
  if (!stores.has(folder)) stores.set(folder, CodeStore.open(folder))
  return stores.get(folder)
}
