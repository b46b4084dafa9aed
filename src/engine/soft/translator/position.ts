// Where in a region the code is that is being written: a node, and one of its operations. All parts of a writer look at
// the same position; function-writer.ts moves it.

import type { GroupedAccesses } from './accesses.ts'
import { type FlagState, MEMORY } from './flag-states.ts'
import type { Operation } from './operations.ts'
import type { RegionNode } from './region.ts'

export class Position {
  #node!: RegionNode
  #accesses!: ReadonlyMap<Operation, GroupedAccesses>
  #operation!: Operation
  #executed = 0
  #exitState: FlagState = MEMORY

  beginNode(node: RegionNode, accesses: ReadonlyMap<Operation, GroupedAccesses>): void {
    this.#node = node
    this.#accesses = accesses
    this.#executed = 0
  }

  beginOperation(operation: Operation, executed: number, exitState: FlagState): void {
    this.#operation = operation
    this.#executed = executed
    this.#exitState = exitState
  }

  get node(): RegionNode {
    return this.#node
  }

  get operation(): Operation {
    return this.#operation
  }

  /** Accesses of the current operation that share their look (accesses.ts). */
  get accesses(): GroupedAccesses {
    return this.#accesses.get(this.#operation) ?? {}
  }

  /** State of the flags in front of the current operation, as an exit there sees it. */
  get exitState(): FlagState {
    return this.#exitState
  }

  /** How many of the node's operations have not run yet, the current one among them. */
  get open(): number {
    return this.#node.block.operations.length - this.#executed
  }

  /** Delta of the current operation's first byte. */
  get here(): number {
    return this.#node.delta + this.#operation.end - this.#operation.length
  }
}
