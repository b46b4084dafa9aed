// The compiled core, once per process: V8 shares its machine code between all Workers, so the second machine
// starts with the first one's optimized code.

import { readFile } from 'node:fs/promises'

let compiled: Promise<WebAssembly.Module> | undefined

export function loadCore(): Promise<WebAssembly.Module> {
  compiled ??= readFile(new URL('./core.wasm', import.meta.url)).then((bytes) => WebAssembly.compile(bytes))
  return compiled
}
