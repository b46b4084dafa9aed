// How long the fuzz targets run, and from which seed.
//
//   INLINUX_FUZZ_RUNS=100000 INLINUX_FUZZ_SEED=42 node --test build/test/virtio/fuzz-queue.test.js

import type { TestContext } from 'node:test'

export interface FuzzParameters {
  readonly numRuns: number
  readonly seed: number
  readonly endOnFailure: boolean
}

/** Says the seed, so that a failure can be had again. @param runs without INLINUX_FUZZ_RUNS */
export function fuzz(t: TestContext, runs: number): FuzzParameters {
  const numRuns = Number(process.env.INLINUX_FUZZ_RUNS ?? runs)
  const seed = Number(process.env.INLINUX_FUZZ_SEED ?? Math.floor(Math.random() * 0x7fff_ffff))
  t.diagnostic(`${numRuns} runs, INLINUX_FUZZ_SEED=${seed}`)
  return { numRuns, seed, endOnFailure: false }
}
