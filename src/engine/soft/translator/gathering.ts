// The requests of one machine that wait for the translator, and when how many of them make a module.
//
// Modules should be few: V8 gives each one its own stretch of addresses, and the host's look-aside buffers suffer when code
// is scattered over thousands. So requests are gathered, the longer the more there is already: the first ones are
// answered at once, and the number of modules grows with the logarithm of the number of regions.
//
// When a program starts, there are soon hundreds of requests, and more than a second may pass until the last one has its
// turn. So what the interpreter spends most on comes first.

import type { Request } from './region.ts'

/** A batch shall have one region for this many that live. */
const SHARE = 16
/** And while there are few: a machine waits for its first regions. */
const SMALLEST = 4
/** Milliseconds that a request waits for others, for each region that lives, and at most. */
const WAIT_PER_REGION = 0.08
const LONGEST_WAIT = 200
/** A region that is to be formed anew runs already: it is as urgent as a block with so many instructions interpreted. */
const PROMOTION = 100_000

export interface GatheringOptions {
  /** How many regions the machine has. */
  regions(): number
  /** Instructions that the interpreter has executed in a block. */
  interpreted(block: number): number
  translate(batch: readonly Request[]): void
  /** Called when nothing waits any more. */
  done(): void
}

export class Gathering {
  readonly #options: GatheringOptions
  #waiting: Request[] = []
  /** Until more have been gathered. */
  #timer: NodeJS.Timeout | undefined
  /** Until messages have had their turn. */
  #next: NodeJS.Immediate | undefined

  constructor(options: GatheringOptions) {
    this.#options = options
  }

  add(requests: readonly Request[]): void {
    this.#waiting.push(...requests)
    const regions = this.#options.regions()
    if (this.#waiting.length >= regions / SHARE) this.#next ??= setImmediate(() => this.#translate())
    else
      this.#timer ??= setTimeout(() => this.#translate(), Math.min(LONGEST_WAIT, regions * WAIT_PER_REGION))
  }

  /** Nothing is translated any more. */
  close(): void {
    this.#waiting = []
    this.#waitNoMore()
  }

  #waitNoMore(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#next)
    this.#timer = this.#next = undefined
  }

  #translate(): void {
    this.#waitNoMore()
    const size = Math.max(SMALLEST, Math.ceil(this.#options.regions() / SHARE))
    if (this.#waiting.length > size) this.#sort()
    this.#options.translate(this.#waiting.splice(0, size))
    if (this.#waiting.length > 0) this.#next = setImmediate(() => this.#translate())
    else this.#options.done()
  }

  /** The most urgent first. Nothing waits for ever: what is not run any more is overtaken by what is, until that is done. */
  #sort(): void {
    const urgency = new Map(this.#waiting.map((request) => [request, this.#urgency(request)]))
    this.#waiting.sort((a, b) => urgency.get(b)! - urgency.get(a)!)
  }

  #urgency({ block, promote, alone }: Request): number {
    // Nothing is translated for these, but what is asks for them.
    if (alone) return Number.POSITIVE_INFINITY
    return promote ? PROMOTION : this.#options.interpreted(block)
  }
}
