// The ways out of a region's function, and the one back in. An exit says where it goes and how the dispatcher goes on
// (`result`), and branches to the block of the state in which the flags are: behind that they are written to memory.
//
//     block common
//       block state…                 one for each state of the flags that an exit may find
//         loop dispatch              returns within the region come back here
//           (structured code)
//         end
//       end
//       write that state's flags to memory; br common
//     end

import {
  BUDGET,
  CONTINUE,
  GUEST_BASE,
  INTERPRET,
  JUMPS,
  JUMPS_MASK,
  JUMPS_VIEW,
  RIP,
  tlbOf,
} from './addresses.ts'
import { Code, I32, I64, type Label } from './encoder.ts'
import { type FlagState, sameState } from './flag-states.ts'
import type { Frame } from './frame.ts'
import { pushEntryPage, pushHostPointer, takePage } from './look-aside.ts'
import { op } from './opcodes.ts'
import type { Places } from './places.ts'
import type { Position } from './position.ts'

const COMMON: Label = 1

export interface ExitsOptions {
  readonly user: boolean
  readonly places: Places
  /** All states of the flags that an exit may find. */
  readonly states: readonly FlagState[]
}

export class Exits {
  readonly #frame: Frame
  readonly #position: Position
  readonly #user: boolean
  readonly #places: Places
  readonly #states: readonly FlagState[]
  /** Local: where an exit goes, counted from the origin. */
  readonly #target: number
  /** Local: what the function returns. */
  readonly #result: number
  readonly #dispatch: Label

  constructor(frame: Frame, position: Position, { user, places, states }: ExitsOptions) {
    this.#frame = frame
    this.#position = position
    this.#user = user
    this.#places = places
    this.#states = states.filter(({ kind }) => kind !== 'memory' && kind !== 'dead')
    this.#target = frame.local(I64)
    this.#result = frame.local(I32)
    this.#dispatch = this.#states.length + 2
    // Written into a buffer of its own, inside of the structures that `wrap` puts around it.
    frame.code.assumeOpen(this.#dispatch)
  }

  /** Leaves in front of the current operation, to the interpreter, when the i32 on the stack is not 0. */
  leaveWhen(): void {
    const { code } = this.#frame
    code.whenUnlikely()
    this.leaveHere()
    code.end()
  }

  /** Leaves in front of the current operation, to the interpreter. */
  leaveHere(): void {
    const { code, budget } = this.#frame
    const { open, here, exitState } = this.#position
    if (open > 0) {
      code.get(budget)
      code.i32(open)
      code.op(op.i32_add)
      code.set(budget)
    }
    code.i64(here)
    code.set(this.#target)
    this.#exit(INTERPRET, exitState)
  }

  /** Leaves to the linear address `delta` from the origin. */
  leaveTo(delta: number, state: FlagState): void {
    const { code } = this.#frame
    code.i64(delta)
    code.set(this.#target)
    this.#exit(CONTINUE, state)
  }

  /** Leaves to the linear address in a local. */
  leaveToLocal(address: number, state: FlagState): void {
    const { code, origin } = this.#frame
    code.get(address)
    code.get(origin)
    code.op(op.i64_sub)
    code.set(this.#target)
    this.#exit(CONTINUE, state)
  }

  #exit(result: number, state: FlagState): void {
    const { code } = this.#frame
    code.i32(result)
    code.set(this.#result)
    const i = this.#states.findIndex((one) => sameState(one, state))
    if (i < 0 && state.kind !== 'memory' && state.kind !== 'dead')
      throw new Error(`no exit for flags ${state.kind}`)
    code.branch(i < 0 ? COMMON : COMMON + 1 + i)
  }

  /** Pushes whether the budget is used up. */
  pushBudgetSpent(): void {
    const { code, budget } = this.#frame
    code.get(budget)
    code.i32(0)
    code.op(op.i32_lt_s)
  }

  /** Pushes whether the linear address in a local is one that no page can have. */
  pushNotCanonical(address: number): void {
    const { code } = this.#frame
    code.get(address)
    code.i64(16)
    code.op(op.i64_shl)
    code.i64(16)
    code.op(op.i64_shr_s)
    code.get(address)
    code.op(op.i64_ne)
  }

  /**
   * Goes to the linear address in a local: to an entry of this region if it is one, else out.
   * @param refuse writes the way back for an address that is not canonical, up to leaving in front of the operation
   */
  dispatch(address: number, state: FlagState, refuse: () => void): void {
    const frame = this.#frame
    const { code, budget } = frame
    const execute = tlbOf(this.#user, 'execute')
    const slot = frame.temporary(I32)
    const physical = frame.temporary(I32)
    const pushLow = (): void => {
      code.get(address)
      code.op(op.i32_wrap_i64)
    }
    pushLow()
    pushEntryPage(code, execute, slot)
    code.get(address)
    takePage(code)
    code.op(op.i64_eq)
    code.when()
    pushHostPointer(code, execute, slot, pushLow)
    code.i32(-GUEST_BASE)
    code.op(op.i32_add)
    code.tee(physical)
    // The slot of the jump table, as core/regions.ts finds it.
    code.i32(2)
    code.op(op.i32_shr_u)
    code.get(physical)
    code.i32(14)
    code.op(op.i32_shr_u)
    code.op(op.i32_xor)
    code.i32(JUMPS_MASK)
    code.op(op.i32_and)
    code.i32(4)
    code.op(op.i32_shl)
    code.tee(slot)
    const jumps = JUMPS + (this.#user ? JUMPS_VIEW : 0)
    code.memory(op.i32_load, jumps)
    code.get(physical)
    code.op(op.i32_eq)
    code.get(slot)
    code.memory(op.i32_load, jumps + 4)
    this.#places.functionIndex(code)
    code.op(op.i32_eq)
    code.op(op.i32_and)
    code.get(budget)
    code.i32(0)
    code.op(op.i32_ge_s)
    code.op(op.i32_and)
    code.when()
    frame.enter(code, slot, jumps + 8, () => code.get(address))
    code.branch(this.#dispatch)
    code.end()
    code.otherwise()
    this.pushNotCanonical(address)
    code.whenUnlikely()
    refuse()
    code.end()
    code.end()
    this.leaveToLocal(address, state)
  }

  /** Is the page at this distance from the origin still the physical page that the region was made from? If not, leaves. */
  guardPage(page: number, physical: number, target: number, state: FlagState): void {
    const frame = this.#frame
    const { code } = frame
    const execute = tlbOf(this.#user, 'execute')
    const address = frame.temporary(I64)
    const entry = frame.temporary(I32)
    frame.pushLinear(page)
    code.tee(address)
    code.op(op.i32_wrap_i64)
    pushEntryPage(code, execute, entry)
    code.get(address)
    code.op(op.i64_ne)
    pushHostPointer(code, execute, entry, () => {
      code.get(address)
      code.op(op.i32_wrap_i64)
    })
    this.#places.page(code, page, physical)
    code.op(op.i32_ne)
    code.op(op.i32_or)
    code.whenUnlikely()
    this.leaveTo(target, state)
    code.end()
  }

  /** Writes the structures around the code, up to where the flags are in memory. */
  wrap(whole: Code): void {
    const states = this.#states
    for (let i = 0; i < states.length + 1; i++) whole.block()
    whole.loop()
    whole.appendCode(this.#frame.code)
    whole.end()
    whole.op(op.unreachable)
    const tail = new Code()
    tail.assumeOpen(states.length + 1)
    const flags = this.#frame.flags.in(tail)
    for (let i = states.length - 1; i >= 0; i--) {
      tail.end()
      flags.flush(states[i]!)
      if (i > 0) tail.branch(COMMON)
    }
    tail.end()
    whole.appendCode(tail)
  }

  /** Writes the function's end, where registers and flags are in memory already. */
  close(whole: Code, chain: number | undefined): void {
    const { budget, origin } = this.#frame
    whole.i32(0)
    whole.get(budget)
    whole.memory(op.i32_store, BUDGET)
    whole.i32(0)
    whole.get(origin)
    whole.get(this.#target)
    whole.op(op.i64_add)
    whole.memory(op.i64_store, RIP)
    if (chain !== undefined) {
      whole.get(this.#result)
      whole.op(op.i32_eqz)
      whole.get(budget)
      whole.i32(0)
      whole.op(op.i32_ge_s)
      whole.op(op.i32_and)
      whole.when()
      whole.i32(0)
      whole.tailCall(chain)
      whole.end()
    }
    whole.get(this.#result)
  }
}
