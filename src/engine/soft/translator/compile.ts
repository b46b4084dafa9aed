// Compiling a module of translated code, with settings of V8 that suit it:
//
// - A function is compiled again, with the optimizing compiler, once a budget is used up that counts bytes of code run:
//   for regions, which are large functions, that is after some thousand runs. But to optimize a guest's instruction
//   takes 50 to 100 us, so it pays after some ten thousand runs only, and on two processors the optimizing threads
//   would take the guest's time away. So our modules get a larger budget.
// - The optimizing compiler moves branches out of the way that are marked as unlikely (encoder.ts), so that what runs
//   lies together.

import { USUAL_MODULE_SETTINGS, withSettings } from './v8-settings.ts'

const OUR_BUDGET = 100_000_000

export function compile(bytes: Uint8Array): WebAssembly.Module {
  return withSettings(
    [`--wasm-tiering-budget=${OUR_BUDGET}`, '--experimental-wasm-branch-hinting'],
    USUAL_MODULE_SETTINGS,
    () => new WebAssembly.Module(bytes),
  )
}
