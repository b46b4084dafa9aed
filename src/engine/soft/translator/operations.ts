// The decoder's blocks, read back: what core/decode.ts and core/blocks.ts wrote into the shared memory, as objects that
// say what each operation means. The layouts are those drawn in core/operation.ts and core/blocks.ts.

import { type Handler, SPECIAL_HANDLERS } from '../table/handlers.ts'
import { readHandlers } from '../table/ready-made.ts'

export const OP_SIZE = 32
export const BLOCK_HEADER = 64

// Offsets from REGS in core/state.ts that stand for parts of an address.
export const NO_REGISTER = 0x80
export const BLOCK_RIP = 0x88
export const FS_BASE = 0x90
export const GS_BASE = 0x98

export const OP_REPE = 1
export const OP_REPNE = 2
export const OP_LOCK = 4
export const OP_ADDR32 = 8
export const OP_OPSIZE16 = 16
export const OP_REXW = 32

export interface Operation {
  /** Undefined for #UD and the like: the interpreter raises what is due. */
  readonly handler: Handler | undefined
  /** Where the 32 bytes lie that the interpreter's handlers take. */
  readonly pointer: number
  /** Offset from REGS or XMM of the ModRM.reg operand. */
  readonly g: number
  /** Likewise of ModRM.rm or the opcode's register. */
  readonly e: number
  readonly base: number
  readonly index: number
  readonly scale: number
  readonly segment: number
  /** Bytes from the block's start to this instruction's end. */
  readonly end: number
  readonly length: number
  readonly flags: number
  /** Sign-extended to 64 bits; a number where it is a safe integer. */
  readonly immediate: number | bigint
  /** A sum that is RIP-relative counts from the block's start. */
  readonly displacement: number | bigint
}

export interface DecodedBlock {
  readonly address: number
  /** Physical address of the first byte. */
  readonly physical: number
  readonly bytes: number
  /** Physical page of the second part of an instruction that crosses a page; else 0. */
  readonly secondPage: number
  readonly operations: readonly Operation[]
  /** If asked for: the operations as the core has them, 32 bytes each. */
  readonly raw?: Uint8Array
  /** Linear address where its indirect jump or call led the last time that the interpreter ran it; 0: never. */
  readonly lastTarget: bigint
}

const INVALID = 0xffffffff
/** As in core/blocks.ts. */
export const BLOCK_LIMIT = 64

export class BlockReader {
  readonly #view: DataView
  /** Words of the host: like WebAssembly's memory it has to have the lowest byte first, as x86-64 and ARM do. */
  readonly #words: Int32Array
  /** What an operation holds in its first two bytes → handler. */
  readonly #handlers: (Handler | undefined)[] = []

  readonly #copies: boolean

  /**
   * @param indices where the core keeps, for each handler number, what an operation holds for it
   * @param copies blocks have `raw`, a copy, and are read from it: the vCPU may overwrite the operations meanwhile
   */
  constructor(buffer: ArrayBufferLike, indices: number, copies: boolean = false) {
    this.#view = new DataView(buffer)
    this.#words = new Int32Array(buffer)
    this.#copies = copies
    for (const [i, handler] of readHandlers().entries())
      this.#handlers[this.#view.getUint16(indices + (SPECIAL_HANDLERS.length + i) * 2, true)] = handler
  }

  /**
   * The block at this address of the arena, or undefined when it has been forgotten. All blocks may have been, meanwhile,
   * and others be written over them: then this is nonsense, which installing notices (installed.ts), but never much.
   */
  read(address: number): DecodedBlock | undefined {
    const physical = this.#view.getUint32(address, true)
    const count = this.#view.getUint32(address + 4, true)
    if (physical === INVALID || count > BLOCK_LIMIT) return undefined
    const start = address + BLOCK_HEADER
    const raw = this.#copies ? this.#copy(start, count * OP_SIZE) : undefined
    const words = raw ? new Int32Array(raw.buffer) : this.#words
    const first = raw ? 0 : start
    const operations: Operation[] = []
    for (let i = 0; i < count; i++)
      operations.push(this.#operation(words, first + i * OP_SIZE, start + i * OP_SIZE))
    return {
      address,
      physical,
      bytes: this.#view.getUint32(address + 12, true),
      secondPage: this.#view.getUint32(address + 16, true),
      operations,
      ...(raw && { raw }),
      lastTarget: this.#view.getBigUint64(address + 48, true),
    }
  }

  #copy(start: number, length: number): Uint8Array {
    const copy = new Uint8Array(length)
    copy.set(new Uint8Array(this.#view.buffer, start, length))
    return copy
  }

  /** Physical address of a block's first byte. */
  physical(address: number): number {
    return this.#view.getUint32(address, true)
  }

  /** The operation in the core's memory. */
  operation(pointer: number): Operation {
    return this.#operation(this.#words, pointer, pointer)
  }

  /** Read as words, not as bytes: this is done very often. */
  #operation(words: Int32Array, at: number, pointer: number): Operation {
    const i = at >> 2
    const first = words[i]!
    const address = words[i + 1]!
    const place = words[i + 2]!
    return {
      handler: this.#handlers[first & 0xffff],
      pointer,
      g: (first >> 16) & 0xff,
      e: first >>> 24,
      base: address & 0xff,
      index: (address >> 8) & 0xff,
      scale: (address >> 16) & 0xff,
      segment: address >>> 24,
      end: place & 0xffff,
      length: (place >> 16) & 0xff,
      flags: place >>> 24,
      immediate: narrow(words[i + 4]!, words[i + 5]!),
      // A branch keeps the blocks where it led in this field; its address parts are unused then.
      displacement: narrow(words[i + 6]!, words[i + 7]!),
    }
  }
}

function narrow(low: number, high: number): number | bigint {
  return high === low >> 31 ? low : (BigInt(high) << 32n) | BigInt(low >>> 0)
}
