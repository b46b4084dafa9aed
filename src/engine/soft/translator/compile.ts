// Compiling a module of translated code, with settings of V8 that suit it. V8 has no other way to say so than flags of the
// process; they are set for as long as our module is being created, so that other modules keep theirs. Where V8 does
// not know a flag, nothing changes.
//
// - A function is compiled again, with the optimizing compiler, once a budget is used up that counts bytes of code run:
//   for regions, which are large functions, that is after some thousand runs. But to optimize a guest's instruction
//   takes 50 to 100 us, so it pays after some ten thousand runs only, and on two processors the optimizing threads
//   would take the guest's time away. So our modules get a larger budget.
// - The optimizing compiler moves branches out of the way that are marked as unlikely (encoder.ts), so that what runs
//   lies together.

import { setFlagsFromString } from 'node:v8'

/** V8's default in the versions that have the flag; there is no way to ask. */
const USUAL_BUDGET = 1_800_000
const OUR_BUDGET = 100_000_000

export function compile(bytes: Uint8Array): WebAssembly.Module {
  setFlagsFromString(`--wasm-tiering-budget=${OUR_BUDGET}`)
  setFlagsFromString('--experimental-wasm-branch-hinting')
  try {
    return new WebAssembly.Module(bytes)
  } finally {
    setFlagsFromString('--no-experimental-wasm-branch-hinting')
    setFlagsFromString(`--wasm-tiering-budget=${USUAL_BUDGET}`)
  }
}
