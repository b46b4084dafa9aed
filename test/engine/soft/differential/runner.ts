// Runs the cases of table lines on both processors and compares. Everything follows from (seed, line, batch number),
// so a failure is repeated by naming seed and line; INLINUX_CPU_CASES, INLINUX_CPU_SEED and INLINUX_CPU_ROW (a part
// of the line's text) are read by the tests that call this.

import { type Instruction, instructions } from '../../../../src/engine/soft/table/index.ts'
import { makeCase, makeData, Request } from './cases.ts'
import { allowDifferences } from './differences.ts'
import { NativeProcessor } from './native.ts'
import { Random } from './random.ts'
import * as R from './record.ts'
import { describe, firstDifference, type Mismatch } from './report.ts'
import { makeSequence } from './sequences.ts'
import { SoftProcessor } from './soft.ts'

export interface RunOptions {
  readonly seed: string
  readonly cases: number
  /** How many failures of one line are described. */
  readonly failuresShown?: number
}

export interface Outcome {
  readonly line: string
  readonly cases: number
  readonly faulted: number
  readonly failures: number
  readonly descriptions: readonly string[]
}

/** Makes the host's result equal to ours where they may differ. */
type Allow = (mine: Buffer, host: Buffer) => void

/** Both processors, and buffers for a batch of requests. */
export class Comparison {
  readonly #native = new NativeProcessor()
  readonly #soft = new SoftProcessor()
  readonly #buffer = new ArrayBuffer(R.BATCH_LIMIT * R.REQUEST_SIZE)
  readonly #requests: Request[] = Array.from(
    { length: R.BATCH_LIMIT },
    (_, i) => new Request(this.#buffer, i),
  )
  readonly #result = Buffer.alloc(R.RESULT_SIZE)

  /** `cases` cases of one line, each instruction by itself and a share of them through `run`. */
  row(row: Instruction, options: RunOptions): Promise<Outcome> {
    const make = (random: Random, request: Request): Allow => {
      const encoding = makeCase(row, random, request)
      return (mine, host) => allowDifferences(row, encoding, mine, host)
    }
    return this.#compare(row.line, options, make)
  }

  /** Sequences of several instructions without memory operands: flags produced by one and consumed by another. */
  sequences(options: RunOptions): Promise<Outcome> {
    return this.#compare('(sequences)', options, makeSequence, 'block')
  }

  close(): void {
    this.#native.close()
  }

  async #compare(
    line: string,
    { seed, cases, failuresShown = 3 }: RunOptions,
    make: (random: Random, request: Request) => Allow | undefined,
    only?: 'block',
  ): Promise<Outcome> {
    const descriptions: string[] = []
    let failures = 0
    let faulted = 0
    let done = 0
    for (let batch = 0; done < cases; batch++) {
      const count = Math.min(1024, cases - done)
      const random = new Random(`${seed}/${line}/${batch}`)
      const data = makeData(random)
      const allow = this.#requests.slice(0, count).map((request) => make(random, request))
      const requests = new Uint8Array(this.#buffer, 0, count * R.REQUEST_SIZE)
      const pending = this.#native.run(data, requests, count)
      const ours = Buffer.alloc(count * R.RESULT_SIZE)
      this.#soft.setData(data)
      for (let i = 0; i < count; i++) {
        const through = only ?? (i % 8 === 7 ? 'block' : 'single')
        this.#soft.execute(
          this.#requests[i]!.bytes,
          ours.subarray(i * R.RESULT_SIZE, (i + 1) * R.RESULT_SIZE),
          through,
        )
        this.#soft.restoreData()
      }
      const theirs = await pending
      for (let i = 0; i < count; i++) {
        const mine = ours.subarray(i * R.RESULT_SIZE, (i + 1) * R.RESULT_SIZE)
        const host = theirs.subarray(i * R.RESULT_SIZE, (i + 1) * R.RESULT_SIZE)
        if (host.readUInt32LE(R.RESULT.vector) !== R.NO_VECTOR) faulted++
        if (mine.equals(host)) continue
        const request = this.#requests[i]!
        allow[i]?.(mine, host)
        const difference = firstDifference(mine, host)
        if (difference === undefined) continue
        failures++
        if (descriptions.length < failuresShown) {
          const through = only ?? (i % 8 === 7 ? 'block' : 'single')
          const memory = await this.#memories(data, request, through)
          const mismatch: Mismatch = {
            line,
            seed,
            batch,
            index: i,
            through,
            request,
            mine,
            host,
            difference,
            memory,
          }
          descriptions.push(describe(mismatch))
        }
      }
      done += count
    }
    return { line, cases: done, faulted, failures, descriptions }
  }

  /** Runs one request again for the memory that it leaves behind on either side. */
  async #memories(
    data: Uint8Array,
    request: Request,
    through: 'single' | 'block',
  ): Promise<Mismatch['memory']> {
    const native = await this.#native.run(data, request.bytes, 1, true)
    this.#soft.setData(data)
    this.#soft.execute(request.bytes, this.#result, through)
    const mine = this.#soft.takeData()
    this.#soft.restoreData()
    return { mine, host: native.subarray(R.RESULT_SIZE) }
  }
}

/** The lines that have generated tests, and those that have none with the reason. */
export function testedRows(filter = ''): { tested: Instruction[]; excluded: Instruction[] } {
  const chosen = instructions().filter((row) => row.line.includes(filter))
  return {
    tested: chosen.filter((row) => row.notest === undefined),
    excluded: chosen.filter((row) => row.notest !== undefined),
  }
}

/** A table of the lines without generated tests: nothing is skipped silently. */
export function excludedSummary(excluded: readonly Instruction[]): string {
  const byReason = new Map<string, string[]>()
  for (const row of excluded) {
    const list = byReason.get(row.notest!) ?? []
    list.push(row.line.replace(/\s*notest=\S+/, '').replace(/\s+/g, ' '))
    byReason.set(row.notest!, list)
  }
  return [...byReason].map(([reason, lines]) => `not compared, ${reason}: ${lines.join('; ')}`).join('\n')
}
