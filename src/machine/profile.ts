// Where a machine's time goes: a look at the vCPU every millisecond, and the counters from start to end. The vCPU is not
// slowed down for it: it writes down what it runs anyway.

import { performance } from 'node:perf_hooks'
import type { VcpuActivity, VcpuCounters } from '../engine/index.ts'

const INTERVAL_MS = 1

export interface ProfileReport {
  /** Length of the profile. */
  readonly milliseconds: number
  readonly samples: number
  /** Shares of the samples, together 1. `none`: halted, or waiting for a device. */
  readonly tiers: Readonly<Record<VcpuActivity['tier'], number>>
  /** Translated code and interpreted pages that were seen most, the most frequent first. */
  readonly hottest: readonly HotPlace[]
  /** What the counters counted meanwhile; `translator.live` is as it was at the end. */
  readonly counters: VcpuCounters
}

export interface HotPlace {
  readonly tier: 'interpreter' | 'translated'
  /** Translated: where the region was entered. Interpreted: the page. */
  readonly address: bigint
  /** In the kernel otherwise. */
  readonly user: boolean
  /** Of all samples. */
  readonly share: number
}

export class MachineProfile {
  readonly #activity: () => VcpuActivity
  readonly #counters: () => VcpuCounters
  readonly #before: VcpuCounters
  readonly #start = performance.now()
  readonly #timer: NodeJS.Timeout
  readonly #seen = new Map<string, { place: Omit<HotPlace, 'share'>; count: number }>()
  readonly #tiers = { none: 0, interpreter: 0, translated: 0 }

  /** Starts at once. `Machine.profile()` makes one. */
  constructor(activity: () => VcpuActivity, counters: () => VcpuCounters) {
    this.#activity = activity
    this.#counters = counters
    this.#before = counters()
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS)
    this.#timer.unref()
  }

  /** @param places how many of `hottest` */
  stop(places = 20): ProfileReport {
    clearInterval(this.#timer)
    const { none, interpreter, translated } = this.#tiers
    const samples = none + interpreter + translated
    const share = (count: number): number => (samples === 0 ? 0 : count / samples)
    return {
      milliseconds: performance.now() - this.#start,
      samples,
      tiers: { none: share(none), interpreter: share(interpreter), translated: share(translated) },
      hottest: [...this.#seen.values()]
        .sort((a, b) => b.count - a.count)
        .slice(0, places)
        .map(({ place, count }) => ({ ...place, share: share(count) })),
      counters: difference(this.#counters(), this.#before),
    }
  }

  #look(): void {
    const { tier, rip, user } = this.#activity()
    this.#tiers[tier]++
    if (tier === 'none') return
    const address = tier === 'interpreter' ? rip & ~0xfffn : rip
    const key = `${tier} ${address} ${user}`
    const seen = this.#seen.get(key)
    if (seen) seen.count++
    else this.#seen.set(key, { place: { tier, address, user }, count: 1 })
  }
}

function difference(after: VcpuCounters, before: VcpuCounters): VcpuCounters {
  return {
    ...after,
    instructions: after.instructions - before.instructions,
    blocksDecoded: after.blocksDecoded - before.blocksDecoded,
    tlbMisses: after.tlbMisses - before.tlbMisses,
    tlbFlushes: after.tlbFlushes - before.tlbFlushes,
    interrupts: after.interrupts - before.interrupts,
    exceptions: after.exceptions - before.exceptions,
    instructionsInterpreted: after.instructionsInterpreted - before.instructionsInterpreted,
    regionsEntered: after.regionsEntered - before.regionsEntered,
    regionsLeftToInterpreter: after.regionsLeftToInterpreter - before.regionsLeftToInterpreter,
    regionsLeftAfterCall: after.regionsLeftAfterCall - before.regionsLeftAfterCall,
    unknownInstructions: after.unknownInstructions - before.unknownInstructions,
    translator: {
      regions: after.translator.regions - before.translator.regions,
      live: after.translator.live,
      modules: after.translator.modules - before.translator.modules,
      instructions: after.translator.instructions - before.translator.instructions,
      bytes: after.translator.bytes - before.translator.bytes,
      translateMilliseconds: after.translator.translateMilliseconds - before.translator.translateMilliseconds,
      compileMilliseconds: after.translator.compileMilliseconds - before.translator.compileMilliseconds,
      stored: after.translator.stored - before.translator.stored,
    },
  }
}
