// What translated regions take of the machine's memory and of the core's function table, and give back when they go.
// Only the translator allocates; the vCPU's side tells it which regions are gone.

import { REGION_OPERATIONS, REGION_OPERATIONS_END, REGION_RECORDS, REGION_RECORDS_END } from './addresses.ts'
import { OP_SIZE } from './operations.ts'

/** What one region holds. */
export interface Holding {
  functionIndex: number
  record: number
  recordBytes: number
  readonly operations: number[]
}

export class Allocation {
  readonly #freeFunctions: number[] = []
  readonly #freeOperations: number[] = []
  /** Freed records by their size. */
  readonly #freeRecords = new Map<number, number[]>()
  readonly #holdings = new Map<number, Holding>()
  #nextFunction: number
  #nextOperation = REGION_OPERATIONS
  #nextRecord = REGION_RECORDS

  /** @param firstFunction first index of the table that is free */
  constructor(firstFunction: number) {
    this.#nextFunction = firstFunction
  }

  /** How many regions have a record. */
  get regions(): number {
    return this.#holdings.size
  }

  begin(): Holding {
    return {
      functionIndex: this.#freeFunctions.pop() ?? this.#nextFunction++,
      record: 0,
      recordBytes: 0,
      operations: [],
    }
  }

  /** Room for an operation that stays as long as the region. @returns 0: none is left */
  operation(holding: Holding): number {
    let at = this.#freeOperations.pop()
    if (at === undefined) {
      if (this.#nextOperation + OP_SIZE > REGION_OPERATIONS_END) return 0
      at = this.#nextOperation
      this.#nextOperation += OP_SIZE
    }
    holding.operations.push(at)
    return at
  }

  /** Room for the region's record, by which it is known from then on. @returns false: none is left */
  record(holding: Holding, bytes: number): boolean {
    let at = this.#freeRecords.get(bytes)?.pop()
    if (at === undefined) {
      if (this.#nextRecord + bytes > REGION_RECORDS_END) return false
      at = this.#nextRecord
      this.#nextRecord += bytes
    }
    holding.record = at
    holding.recordBytes = bytes
    this.#holdings.set(at, holding)
    return true
  }

  /** Gives back what a region without a record holds. */
  abandon({ functionIndex, operations }: Holding): void {
    this.#freeFunctions.push(functionIndex)
    this.#freeOperations.push(...operations)
  }

  /** The region with this record is gone. */
  release(record: number): void {
    const holding = this.#holdings.get(record)
    if (!holding) return
    this.#holdings.delete(record)
    this.abandon(holding)
    const free = this.#freeRecords.get(holding.recordBytes)
    if (free) free.push(record)
    else this.#freeRecords.set(holding.recordBytes, [record])
  }
}
