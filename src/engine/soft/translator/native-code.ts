// V8's own machine code of a module, to be kept and used again by another process: `%SerializeWasmModule` and
// `%DeserializeWasmModule`, which V8 has for its tests. They are only used in versions in which that was tried; elsewhere a
// stored module is compiled anew, which is all that is lost.
//
// V8 writes down only what its optimizing compiler made; the other functions are compiled when they are called first. Of
// a module without any optimized function it writes nothing and ends the process, so that is asked before. Its data
// begin with its version, the processor's features and a hash of its flags: where these differ it gives undefined.
//
// `%WasmTierUpFunction` optimizes one function, in this thread: 30 us for each of the guest's instructions.

import { setFlagsFromString } from 'node:v8'
import { compile } from './compile.ts'
import { USUAL_SETTINGS, withSettings } from './v8-settings.ts'

/** V8 versions in which this was tried: those of Node 20, 22 and 24. */
const TRIED = /^(11\.3\.244|12\.4\.254|13\.6\.233)\./

interface Natives {
  serialize(module: WebAssembly.Module): ArrayBuffer | undefined
  deserialize(code: ArrayBuffer, bytes: Uint8Array): WebAssembly.Module | undefined
  isOptimized(exported: unknown): boolean
  optimize(exported: unknown): void
}

let natives: Natives | false | undefined

function nativesOfV8(): Natives | false {
  if (!TRIED.test(process.versions.v8)) return false
  setFlagsFromString('--allow-natives-syntax')
  try {
    return {
      serialize: new Function('m', 'return %SerializeWasmModule(m)') as Natives['serialize'],
      deserialize: new Function('d', 'b', 'return %DeserializeWasmModule(d, b)') as Natives['deserialize'],
      isOptimized: new Function('f', 'return %IsTurboFanFunction(f)') as Natives['isOptimized'],
      optimize: new Function('f', '%WasmTierUpFunction(f)') as Natives['optimize'],
    }
  } catch {
    return false
  } finally {
    setFlagsFromString('--no-allow-natives-syntax')
  }
}

/**
 * The module's machine code, all of it optimized.
 * @param functions of an instance
 * @returns empty when there is none to be had
 */
export function optimizedCode(
  module: WebAssembly.Module,
  functions: readonly unknown[],
  bytes: Uint8Array,
): Uint8Array {
  natives ??= nativesOfV8()
  if (!natives) return new Uint8Array()
  const { optimize, isOptimized, serialize, deserialize } = natives
  for (const each of functions) optimize(each)
  if (!functions.some(isOptimized)) return new Uint8Array()
  // With other flags than the usual ones, which another thread may have set just now, it could never be read again.
  // Twice is enough.
  for (let i = 0; i < 2; i++) {
    const code = withSettings(USUAL_SETTINGS, [], () => serialize(module))
    if (code && deserialize(code, bytes)) return new Uint8Array(code)
  }
  return new Uint8Array()
}

/** The module, with its machine code if that can be used. @throws as WebAssembly.Module does */
export function moduleOf(bytes: Uint8Array, machineCode: Uint8Array): WebAssembly.Module {
  natives ??= nativesOfV8()
  if (natives && machineCode.length > 0) {
    const { deserialize } = natives
    const code = new Uint8Array(machineCode).buffer
    const module = deserialize(code, bytes) ?? deserialize(code, bytes)
    if (module) return module
  }
  return compile(bytes)
}
