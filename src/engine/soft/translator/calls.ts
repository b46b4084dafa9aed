// Calls of the interpreter from translated code, for what WebAssembly cannot do well (x87, REP, …): the handler works on
// the CPU's state in memory, so what it reads is stored before it, and what it writes loaded behind it.

import { BUDGET, CALLED, CALLED_OPERATION, CALLED_RESULT, DROPPED, REGS, RIP } from './addresses.ts'
import { I32 } from './encoder.ts'
import type { Frame } from './frame.ts'
import { IMPORTS } from './imports.ts'
import { op } from './opcodes.ts'
import { BLOCK_RIP } from './operations.ts'
import type { Places } from './places.ts'
import type { Position } from './position.ts'
import { pushOrdinaryMode } from './vector-mode.ts'

const STATE_BLOCK_RIP = REGS + BLOCK_RIP

export class Calls {
  readonly #frame: Frame
  readonly #position: Position
  readonly #places: Places

  constructor(frame: Frame, position: Position, places: Places) {
    this.#frame = frame
    this.#position = position
    this.#places = places
  }

  /**
   * Calls the interpreter's handler of the current operation. The flags must have been flushed.
   * @param reads registers that it reads; all when not given
   * @param writes registers that it may change
   */
  callHandler(
    pointer: number,
    { reads, writes, vectors }: { reads?: readonly number[]; writes?: readonly number[]; vectors: boolean },
  ): void {
    const frame = this.#frame
    const { code, use, general } = frame
    use.calls = true
    this.#storeBlockRip()
    general.store(code, reads)
    if (vectors) frame.vectors.store(code)
    const result = frame.temporary(I32)
    this.#places.operation(code, pointer)
    code.call(IMPORTS.perform)
    code.tee(result)
    code.i32(0)
    code.memory(op.i32_load, DROPPED)
    code.op(op.i32_or)
    code.whenUnlikely()
    if (reads)
      general.store(
        code,
        [...general.use.changed].filter((number) => !reads.includes(number)),
      )
    if (!vectors) frame.vectors.store(code)
    this.#leaveAfter(pointer, result)
    code.end()
    general.load(code, writes)
    if (vectors) frame.vectors.load(code)
    frame.known.clear()
    if (use.mxcsr) {
      pushOrdinaryMode(code)
      code.set(frame.ordinaryMode)
    }
  }

  /** Returns what a handler has returned: it did not go on to the next instruction, or the region is gone. */
  #leaveAfter(pointer: number, result: number): void {
    const { code, budget } = this.#frame
    code.i32(0)
    code.get(result)
    code.memory(op.i32_store, CALLED_RESULT)
    this.#storeCalled(pointer)
    code.i32(0)
    code.get(budget)
    code.i32(this.#position.open - 1)
    code.op(op.i32_add)
    code.memory(op.i32_store, BUDGET)
    this.#storeRip()
    code.i32(CALLED)
    code.op(op.return)
  }

  /**
   * Ends the region with the interpreter's handler of the current operation: for what changes privilege, address space
   * or control flow, so that nothing here could go on.
   */
  callAndLeave(pointer: number): void {
    const { code, use, budget, general, vectors } = this.#frame
    use.calls = true
    this.#storeBlockRip()
    this.#storeRip()
    general.store(code)
    vectors.store(code)
    code.i32(0)
    code.get(budget)
    code.memory(op.i32_store, BUDGET)
    this.#storeCalled(pointer)
    code.i32(0)
    this.#places.operation(code, pointer)
    code.call(IMPORTS.perform)
    code.memory(op.i32_store, CALLED_RESULT)
    code.i32(CALLED)
    code.op(op.return)
  }

  #storeBlockRip(): void {
    const { code } = this.#frame
    code.i32(0)
    this.#frame.pushLinear(this.#position.node.delta)
    code.memory(op.i64_store, STATE_BLOCK_RIP)
  }

  #storeRip(): void {
    const { code } = this.#frame
    code.i32(0)
    this.#frame.pushLinear(this.#position.here)
    code.memory(op.i64_store, RIP)
  }

  #storeCalled(pointer: number): void {
    const { code } = this.#frame
    code.i32(0)
    this.#places.operation(code, pointer)
    code.memory(op.i32_store, CALLED_OPERATION)
  }
}
