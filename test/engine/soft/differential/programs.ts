// Small programs for the differential tests: up to a dozen blocks of straight code that go on to each other in every way
// that there is, branches to anywhere, loops, calls, returns, jumps through registers and memory.
//
// A program ends: whatever leads back, and every call and return, costs one of RCX's units, and there is none without a JRCXZ that
// goes around it at 0. Neither JRCXZ nor the LEA that takes the unit touches a flag, so flags pass from block to block.
// The stack starts with some addresses of blocks, for returns without a call.
//
// All flags but AF are defined at the end of every block: which of them the next one reads, nobody need know here.

import { COMPARED_FLAGS, type Request } from './cases.ts'
import type { Random } from './random.ts'
import * as R from './record.ts'
import type { FlagMasks } from './sequences.ts'
import { AUXILIARY, RCX, RSP, StraightCode } from './straight.ts'

/** A branch's distance, which is filled in at the end. */
interface Fixup {
  readonly at: number
  readonly bytes: 1 | 4
  readonly target: number
}

/** Enough for the last block and what closes the program. */
const MARGIN = 120

/** @param at where it shall lie; somewhere in the code pages, when not given */
export function makeProgram(random: Random, request: Request, at?: number): FlagMasks {
  // Bounded by chance: a short branch does not reach its target in few cases.
  for (;;) {
    const masks = tryProgram(random, request, at)
    if (masks) return masks
  }
}

function tryProgram(random: Random, request: Request, at: number | undefined): FlagMasks | undefined {
  const vectors = random.pick([0, 0, 15])
  request.randomize(random, vectors > 0, vectors > 0 && random.chance(30))
  const { view, registers } = request
  const rip = at ?? R.CODE + random.below(R.CODE_SIZE - R.CODE_LIMIT - 32)
  const straight = new StraightCode(random, request, rip, {
    keep: [RCX],
    vectors,
    floats: random.pick([0, 5]),
  })
  const program = new Program(random, straight)
  if (!program.write() || straight.bytes.length === 0) return undefined
  const { bytes } = straight
  request.bytes.set(bytes, R.REQUEST.code)
  view.setUint32(R.REQUEST.codeLength, bytes.length, true)
  view.setBigUint64(R.REQUEST.rip, BigInt(rip), true)
  registers[RCX] = BigInt(random.pick([0, 1, 3, 10, 40]))
  view.setUint32(R.REQUEST.patchOffset, Number(registers[RSP]!) - R.DATA, true)
  for (let i = 0; i < R.PATCH_SIZE / 8; i++)
    view.setBigUint64(
      R.REQUEST.patch + 8 * i,
      BigInt(random.pick([...program.starts, rip + bytes.length])),
      true,
    )
  const mask = COMPARED_FLAGS & ~AUXILIARY
  view.setBigUint64(R.REQUEST.rflagsMask, mask, true)
  return { all: mask, fault: COMPARED_FLAGS & ~straight.everUndefined & ~AUXILIARY }
}

class Program {
  readonly starts: number[] = []
  readonly #random: Random
  readonly #code: StraightCode
  readonly #fixups: Fixup[] = []
  #count = 0

  constructor(random: Random, code: StraightCode) {
    this.#random = random
    this.#code = code
  }

  /** @returns false when a short branch does not reach */
  write(): boolean {
    const random = this.#random
    const code = this.#code
    this.#count = 1 + random.below(10)
    for (let i = 0; i < this.#count; i++) {
      // What does not fit any more is the end.
      this.starts.push(code.here)
      if (code.bytes.length > R.CODE_LIMIT - MARGIN) continue
      this.#straight()
      this.#ending(i)
    }
    const places = [...this.starts, code.here]
    for (const { at, bytes, target } of this.#fixups) {
      const distance = places[target]! - (code.rip + at + bytes)
      if (bytes === 1 && (distance < -128 || distance > 127)) return false
      for (let i = 0; i < bytes; i++) code.bytes[at + i] = (distance >> (8 * i)) & 0xff
    }
    return true
  }

  #straight(): void {
    const random = this.#random
    const code = this.#code
    code.beginBlock()
    const wanted = code.bytes.length + random.pick([0, 5, 12, 20, 35])
    // Bounded: attempts that come to nothing are few.
    for (let i = 0; i < 30 && code.bytes.length < wanted; i++) {
      code.emit()
      if (code.undef & ~AUXILIARY) code.define()
    }
  }

  #ending(i: number): void {
    const random = this.#random
    const condition = random.below(16)
    const target = this.#target()
    const back = target <= i
    switch (random.below(11)) {
      case 0:
        break
      case 1:
        this.#guarded(back, () => this.#near([0xe9], target))
        break
      case 2:
        this.#guarded(back, () => this.#short([0xeb], target))
        break
      case 3:
      case 4:
        this.#guarded(back, () => this.#near([0x0f, 0x80 | condition], target))
        break
      case 5:
        this.#guarded(back, () => this.#short([0x70 | condition], target))
        break
      case 6: {
        // LOOP and its kin count themselves, from above 0.
        const prefix = random.chance(20) ? [0x67] : []
        const around = this.#forwardJrcxz()
        this.#short([...prefix, 0xe0 + random.below(3)], target)
        around()
        break
      }
      case 7:
        this.#guarded(true, () => this.#near([0xe8], target))
        break
      case 8: {
        const other = this.#target()
        this.#guarded(target <= i || other <= i, () => this.#indirect(4, target, other))
        break
      }
      case 9:
        this.#guarded(true, () => this.#indirect(2, target, this.#target()))
        break
      default: {
        // (What has been pushed may be an address.)
        const bytes = random.chance(50) ? [0xc3] : [0xc2, random.pick([0, 8, 16]), 0]
        this.#guarded(true, () => this.#bytes(...bytes))
      }
    }
  }

  /** Any block; the one behind the last is the end. */
  #target(): number {
    return this.#random.below(this.#count + 1)
  }

  #bytes(...bytes: number[]): void {
    this.#code.bytes.push(...bytes)
  }

  /** What `write` writes happens only while RCX has units, and takes one. */
  #guarded(costs: boolean, write: () => void): void {
    if (!costs) {
      write()
      return
    }
    const around = this.#forwardJrcxz()
    this.#bytes(0x48, 0x8d, 0x49, 0xff) // lea rcx, [rcx-1]
    write()
    around()
  }

  /** @returns call it where the jump shall lead */
  #forwardJrcxz(): () => void {
    this.#bytes(0xe3, 0)
    const { bytes } = this.#code
    const from = bytes.length
    return () => {
      bytes[from - 1] = bytes.length - from
    }
  }

  #near(opcode: readonly number[], target: number): void {
    this.#bytes(...opcode)
    this.#fixups.push({ at: this.#code.bytes.length, bytes: 4, target })
    this.#bytes(0, 0, 0, 0)
  }
  #short(opcode: readonly number[], target: number): void {
    this.#bytes(...opcode)
    this.#fixups.push({ at: this.#code.bytes.length, bytes: 1, target })
    this.#bytes(0)
  }

  /** JMP (`/4`) or CALL (`/2`) to one of two places, through R9 or through the stack. */
  #indirect(digit: 2 | 4, target: number, other: number): void {
    const random = this.#random
    this.#near([0x4c, 0x8d, 0x0d], target) // lea r9, [rip+…]
    if (random.chance(60)) {
      this.#near([0x4c, 0x8d, 0x15], other) // lea r10, [rip+…]
      this.#bytes(0x4d, 0x0f, 0x40 | random.below(16), 0xca) // cmovcc r9, r10
    }
    if (random.chance(60)) {
      this.#bytes(0x41, 0xff, 0xc1 | (digit << 3))
    } else {
      this.#bytes(0x4c, 0x89, 0x4c, 0x24, 0xc0) // mov [rsp-64], r9
      this.#bytes(0xff, 0x44 | (digit << 3), 0x24, 0xc0) // [rsp-64]
    }
  }
}
