// Keeps the guest's wall clock on the host's.
//
// The guest counts on from what it was told at its start, at the speed of the host's monotonic clock. The two part
// when the host's wall clock is set, or when the host slept (its monotonic clock stands still then). This looks for
// such a step now and then, on the host only: a guest that sleeps is woken only when there is something to tell.

const LOOK_EVERY_MS = 5_000
/** Smaller differences are the host's clock being slewed, and our own delay in looking. */
const STEP_MS = 50

export interface Clocks {
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** Milliseconds since any moment. */
  readonly monotonic: () => number
}

const HOST: Clocks = { wall: Date.now, monotonic: () => performance.now() }

export class ClockKeeper {
  readonly #tell: (nanoseconds: bigint) => void
  readonly #clocks: Clocks
  readonly #timer: NodeJS.Timeout
  #offset: number

  /** @param tell sets the guest's clock, in nanoseconds since 1970 UTC; called once at once */
  constructor(
    tell: (nanoseconds: bigint) => void,
    clocks: Clocks = HOST,
    lookEveryMs: number = LOOK_EVERY_MS,
  ) {
    this.#tell = tell
    this.#clocks = clocks
    this.#offset = this.#measure()
    this.#set()
    // A machine does not keep a process alive by its clock.
    this.#timer = setInterval(() => this.look(), lookEveryMs).unref()
  }

  /** Tells the guest the time if the host's clock has made a step. */
  look(): void {
    const offset = this.#measure()
    if (Math.abs(offset - this.#offset) < STEP_MS) return
    this.#offset = offset
    this.#set()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #measure(): number {
    return this.#clocks.wall() - this.#clocks.monotonic()
  }

  #set(): void {
    this.#tell(BigInt(Math.round(this.#clocks.wall() * 1e6)))
  }
}
