// The last bytes of an archive as it streams by: from the end of the previous entry's data to where we are.
//
// tar-stream hands pax records over as text, and text has no room for the bytes of a security.capability. The
// window keeps the few blocks of headers that precede an entry's data, so that such records can be read again,
// as bytes. It also shows whether a block of zeros (the end-of-archive mark) lies before an entry.

const BLOCK = 512
const TYPE_AT = 156
const SIZE_AT = 124
const PAX_HEADER = 0x78

export class TarWindow {
  /** Consecutive pieces of the archive; the first one starts at `#start`. */
  readonly #pieces: Buffer[] = []
  #start = 0
  #end = 0
  /** Nothing before this offset is needed any more. */
  #from = 0

  /** The next piece of the archive. */
  push(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#end += piece.length
    this.#drop()
  }

  /** Forgets everything before `offset`, which may lie ahead. */
  forget(offset: number): void {
    this.#from = offset
    this.#drop()
  }

  #drop(): void {
    for (let first = this.#pieces[0]; first !== undefined; first = this.#pieces[0]) {
      if (this.#start + first.length > this.#from || this.#pieces.length === 1) return
      this.#start += first.length
      this.#pieces.shift()
    }
  }

  /** Offset of the first byte that is still held. */
  get from(): number {
    return this.#from
  }

  slice(from: number, to: number): Buffer {
    const parts: Buffer[] = []
    let at = this.#start
    for (const piece of this.#pieces) {
      if (at < to && at + piece.length > from) {
        parts.push(piece.subarray(Math.max(0, from - at), Math.min(piece.length, to - at)))
      }
      at += piece.length
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
  }

  /** The last 512 bytes of the archive are zeros. */
  get endsWithZeros(): boolean {
    const last = this.slice(Math.max(0, this.#end - BLOCK), this.#end)
    return last.length === BLOCK && last.every((byte) => byte === 0)
  }

  /** The block right after the previous entry's data is zeros: the mark that ends an archive. */
  get startsWithZeros(): boolean {
    const block = this.slice(this.#from, this.#from + BLOCK)
    return block.length === BLOCK && block[0] === 0 && block.every((byte) => byte === 0)
  }

  /** The pax records of the entry whose data starts at `dataAt`, as bytes. */
  readPaxRecords(dataAt: number): Map<string, Buffer> {
    const headers = this.slice(this.#from, dataAt)
    let records = new Map<string, Buffer>()
    for (let at = 0; at + BLOCK <= headers.length; ) {
      const size = Number.parseInt(headers.toString('latin1', at + SIZE_AT, at + SIZE_AT + 12), 8) || 0
      if (at + BLOCK === headers.length) break
      const body = headers.subarray(at + BLOCK, at + BLOCK + size)
      if (headers[at + TYPE_AT] === PAX_HEADER) records = parsePaxRecords(body)
      at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
    }
    return records
  }
}

/** `LENGTH KEY=VALUE\n`, LENGTH counting the whole record. Keys are decoded as UTF-8. */
export function parsePaxRecords(body: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>()
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at)
    const length = space < 0 ? 0 : Number.parseInt(body.toString('latin1', at, space), 10)
    // A record is at least as long as `5 a=\n`; anything else ends the list, and the loop.
    if (!(length >= 5) || at + length > body.length) break
    const equals = body.indexOf(0x3d, space)
    if (equals < 0 || equals >= at + length) break
    records.set(body.toString('utf8', space + 1, equals), body.subarray(equals + 1, at + length - 1))
    at += length
  }
  return records
}
