// Guest RAM, seen from the host: bounds-checked, typed access by guest-physical address.
//
// The bytes live in ONE shared `WebAssembly.Memory` per machine, which the software engine computes in and KVM
// can map as a memory slot; devices, boot and tests only ever see this class and never know which engine runs.
// RAM starts at guest-physical 0 and has no holes; its first byte is `base` bytes into the WebAssembly memory.
//
// Guest-physical addresses are JS numbers. Every address that a guest hands us passes through `check`, so an
// out-of-range descriptor becomes a `GuestMemoryError` that the caller turns into an answer for the guest.
// The guest runs while we read: never read a field twice and expect the same value.

/** Thrown when an access does not lie wholly inside guest RAM. Devices catch it; it never leaves a run loop. */
export class GuestMemoryError extends RangeError {
  override readonly name = 'GuestMemoryError'
  readonly code = 'ERR_INLINUX_GUEST_MEMORY'
}

export class GuestMemory {
  /** Bytes of RAM; guest-physical addresses run from 0 to `size - 1`. */
  readonly size: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #onWritten: ((address: number, length: number) => void) | undefined

  /**
   * @param buffer the machine's shared memory (or any buffer, in tests)
   * @param base offset of guest-physical address 0 in `buffer`, bytes
   * @param size bytes of guest RAM
   * @param onWritten told by `written`: an engine that keeps decoded code must hear of device writes
   */
  constructor(
    buffer: ArrayBufferLike,
    base: number,
    size: number,
    onWritten?: (address: number, length: number) => void,
  ) {
    this.size = size
    this.#onWritten = onWritten
    this.#bytes = new Uint8Array(buffer, base, size)
    this.#view = new DataView(buffer, base, size)
  }

  /** A live view of `[address, address + length)`: writes go to the guest. */
  slice(address: number, length: number): Uint8Array {
    this.check(address, length)
    return this.#bytes.subarray(address, address + length)
  }

  /** A private copy of `[address, address + length)`. */
  copyOut(address: number, length: number): Uint8Array {
    return new Uint8Array(this.slice(address, length))
  }

  copyIn(address: number, data: Uint8Array): void {
    this.slice(address, data.length).set(data)
  }

  readU8(address: number): number {
    this.check(address, 1)
    return this.#view.getUint8(address)
  }

  readU16(address: number): number {
    this.check(address, 2)
    return this.#view.getUint16(address, true)
  }

  readU32(address: number): number {
    this.check(address, 4)
    return this.#view.getUint32(address, true)
  }

  readU64(address: number): bigint {
    this.check(address, 8)
    return this.#view.getBigUint64(address, true)
  }

  writeU8(address: number, value: number): void {
    this.check(address, 1)
    this.#view.setUint8(address, value)
  }

  writeU16(address: number, value: number): void {
    this.check(address, 2)
    this.#view.setUint16(address, value, true)
  }

  writeU32(address: number, value: number): void {
    this.check(address, 4)
    this.#view.setUint32(address, value, true)
  }

  writeU64(address: number, value: bigint): void {
    this.check(address, 8)
    this.#view.setBigUint64(address, value, true)
  }

  /** A device has written these bytes, and is about to tell the driver. Every device calls it; the queue does. */
  written(address: number, length: number): void {
    this.#onWritten?.(address, length)
  }

  /** Throws `GuestMemoryError` unless `[address, address + length)` lies inside RAM. */
  check(address: number, length: number): void {
    // Written so that NaN, negative and fractional values fail too: they come from guest-controlled arithmetic.
    if (
      !(
        Number.isInteger(address) &&
        Number.isInteger(length) &&
        address >= 0 &&
        length >= 0 &&
        address + length <= this.size
      )
    ) {
      throw new GuestMemoryError(
        `guest-physical range ${address}+${length} is outside of RAM (${this.size} bytes)`,
      )
    }
  }
}
