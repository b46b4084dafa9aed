// Address ranges without overlap, and the range that an address lies in.
//
// Both buses are this map plus an answer for holes. Ranges are registered while a machine is built, so a clash
// is a mistake of ours and throws; lookups happen on every exit, so they allocate nothing: the range of the last
// access is tried first (drivers talk to one device at a time), then a binary search over the sorted starts.

export interface AddressRange<T> {
  readonly start: number
  /** First address behind the range. */
  readonly end: number
  readonly name: string
  readonly owner: T
}

export class AddressMap<T> {
  /** Sorted by `start`. */
  readonly #ranges: AddressRange<T>[] = []
  #last: AddressRange<T> | undefined

  add(start: number, size: number, name: string, owner: T): void {
    if (!(Number.isSafeInteger(start) && start >= 0 && Number.isSafeInteger(size) && size > 0)) {
      throw new RangeError(`${name}: ${start}+${size} is not an address range`)
    }
    const range: AddressRange<T> = { start, end: start + size, name, owner }
    const clash = this.#ranges.find((other) => start < other.end && other.start < range.end)
    if (clash !== undefined) throw new RangeError(`${describe(range)} overlaps ${describe(clash)}`)
    this.#ranges.push(range)
    this.#ranges.sort((a, b) => a.start - b.start)
  }

  find(address: number): AddressRange<T> | undefined {
    const last = this.#last
    if (last !== undefined && address >= last.start && address < last.end) return last
    let low = 0
    let high = this.#ranges.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const range = this.#ranges[middle]!
      if (address < range.start) high = middle - 1
      else if (address >= range.end) low = middle + 1
      else {
        this.#last = range
        return range
      }
    }
    return undefined
  }

  [Symbol.iterator](): Iterator<AddressRange<T>> {
    return this.#ranges[Symbol.iterator]()
  }
}

function describe(range: AddressRange<unknown>): string {
  return `${range.name} at 0x${range.start.toString(16)}–0x${(range.end - 1).toString(16)}`
}
