// V8's own machine code of a module, to be kept and used again by another process: `%SerializeWasmModule` and
// `%DeserializeWasmModule`, which V8 has for its tests. They are only used in versions in which that was tried; elsewhere a
// stored module is compiled anew, which is all that is lost.
//
// V8 writes down only what its optimizing compiler made; the other functions are compiled when they are called first. Of
// a module without any optimized function it writes nothing and ends the process, so that is asked before. Its data
// begin with its version, the processor's features and a hash of its flags: where these differ it gives undefined.

import { setFlagsFromString } from 'node:v8'
import { compile, withOurFlags } from './compile.ts'

/** V8 versions in which this was tried. */
const TRIED = /^11\.3\.244\./

interface Natives {
  serialize(module: WebAssembly.Module): ArrayBuffer | undefined
  deserialize(code: ArrayBuffer, bytes: Uint8Array): WebAssembly.Module | undefined
  isOptimized(exported: unknown): boolean
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
    }
  } catch {
    return false
  } finally {
    setFlagsFromString('--no-allow-natives-syntax')
  }
}

/** How many of these functions have optimized machine code. */
export function countOptimized(functions: readonly unknown[]): number {
  natives ??= nativesOfV8()
  let count = 0
  if (natives) for (const each of functions) if (natives.isOptimized(each)) count++
  return count
}

/** @param optimized how many of its functions are. @returns empty when there is nothing to be had */
export function machineCodeOf(module: WebAssembly.Module, optimized: number): Uint8Array {
  natives ??= nativesOfV8()
  if (!natives || optimized === 0) return new Uint8Array()
  const { serialize } = natives
  const code = withOurFlags(() => serialize(module))
  return code ? new Uint8Array(code) : new Uint8Array()
}

/** The module, with its machine code if that can be used. @throws as WebAssembly.Module does */
export function moduleOf(bytes: Uint8Array, machineCode: Uint8Array): WebAssembly.Module {
  natives ??= nativesOfV8()
  if (natives && machineCode.length > 0) {
    const { deserialize } = natives
    const code = machineCode.slice().buffer
    const module = withOurFlags(() => deserialize(code, bytes))
    if (module) return module
  }
  return compile(bytes)
}
