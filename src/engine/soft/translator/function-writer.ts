// Writes a region's function: the vocabulary in which the instructions are written, and what stands around them.
//
//     load the guest registers that the region uses           frame.ts, registers.ts
//     the code, in the structures of its exits                 exits.ts
//     write the changed registers, RIP and the budget to memory; return, or go on in the next region
//
// No instruction faults in here. Whatever is not the simple case (a TLB miss, a page boundary, a device, an unusual
// divisor) leaves the region in front of the instruction, with everything in memory as the interpreter wants it, and
// the interpreter executes it, faults included. So there are no calls in hot code, and V8 keeps registers in registers.
//
// Only for what WebAssembly cannot do well (x87, REP, …) the interpreter's handler is called from inside (calls.ts).

import type { GroupedAccesses } from './accesses.ts'
import { BUDGET, RIP } from './addresses.ts'
import { Calls } from './calls.ts'
import { Code, type ValueType } from './encoder.ts'
import { Exits } from './exits.ts'
import type { FlagState } from './flag-states.ts'
import { Frame, type FrameUse } from './frame.ts'
import { MemoryAccess } from './memory.ts'
import { op } from './opcodes.ts'
import type { Operation } from './operations.ts'
import type { Places } from './places.ts'
import { Position } from './position.ts'
import type { Region, RegionNode } from './region.ts'
import { pushOrdinaryMode } from './vector-mode.ts'

export interface FunctionWriterOptions {
  readonly region: Region
  readonly places: Places
  /** All states of the flags that an exit may find. */
  readonly states: readonly FlagState[]
  /** Registers known to be used and changed, from an earlier pass. */
  readonly use: FrameUse
}

export class FunctionWriter extends Frame {
  readonly region: Region
  readonly memory: MemoryAccess
  readonly exits: Exits
  readonly calls: Calls
  readonly #position = new Position()

  constructor({ region, places, states, use }: FunctionWriterOptions) {
    super(use)
    const { user } = region
    this.region = region
    this.exits = new Exits(this, this.#position, { user, places, states })
    this.memory = new MemoryAccess(this, this.#position, this.exits, user)
    this.calls = new Calls(this, this.#position, places)
  }

  /** @param accesses those that share a look */
  beginNode(node: RegionNode, accesses: ReadonlyMap<Operation, GroupedAccesses>): void {
    this.#position.beginNode(node, accesses)
    this.known.clear()
    const { code, budget } = this
    code.get(budget)
    code.i32(node.block.operations.length)
    code.op(op.i32_sub)
    code.set(budget)
  }

  /** @param executed how many of the node's operations lie in front of it */
  beginOperation(operation: Operation, executed: number, exitState: FlagState): void {
    this.#position.beginOperation(operation, executed, exitState)
    this.freeTemporaries()
    this.memory.beginOperation()
  }

  /**
   * The whole function around what has been written.
   * @param units writes a check in front, for units that it needs
   * @param chain the module's function that goes on in the next region (chain-function.ts)
   */
  finish(
    units: (code: Code) => void,
    chain: number | undefined,
  ): {
    locals: readonly ValueType[]
    code: Uint8Array
    unlikely: readonly number[]
  } {
    const whole = new Code()
    units(whole)
    this.#open(whole)
    this.exits.wrap(whole)
    this.general.store(whole, this.general.numbers)
    this.vectors.store(whole, this.vectors.numbers)
    this.exits.close(whole, chain)
    return { locals: this.locals, code: whole.written(), unlikely: whole.unlikely }
  }

  /** Takes from memory what the code has in locals. */
  #open(whole: Code): void {
    this.enter(whole, 0, 8, () => {
      whole.i32(0)
      whole.memory(op.i64_load, RIP)
    })
    whole.i32(0)
    whole.memory(op.i32_load, BUDGET)
    whole.set(this.budget)
    this.general.load(whole, this.general.numbers)
    this.vectors.load(whole, this.vectors.numbers)
    if (this.asksForMode) {
      pushOrdinaryMode(whole)
      whole.set(this.ordinaryMode)
    }
  }
}
