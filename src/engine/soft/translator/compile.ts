// Compiling a module of translated code. V8 compiles a function again, with its optimizing compiler, once a budget is used
// up that counts bytes of code run: for regions, which are large functions, that is after some thousand runs. But to
// optimize a guest's instruction takes 50 to 100 us, so it pays after some ten thousand runs only, and on two
// processors the optimizing threads would take the guest's time away. So our modules get a larger budget. V8 has no
// other way to say so than a flag of the process, which is set for as long as our module is being created: other
// modules keep theirs. Where V8 does not know the flag, nothing changes.

import { setFlagsFromString } from 'node:v8'

/** V8's default in the versions that have the flag; there is no way to ask. */
const USUAL_BUDGET = 1_800_000
const OUR_BUDGET = Number(process.env.BUDGET ?? 100_000_000)

export function compile(bytes: Uint8Array): WebAssembly.Module {
  setFlagsFromString(`--wasm-tiering-budget=${OUR_BUDGET}`)
  try {
    return new WebAssembly.Module(bytes)
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${USUAL_BUDGET}`)
  }
}
