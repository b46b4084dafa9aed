// Runs the cases of table lines on the host's processor, by our interpreter and as translated code, and compares.
// Everything follows from (seed, line, batch number), so a failure is repeated by naming seed and line;
// INLINUX_CPU_CASES, INLINUX_CPU_SEED and INLINUX_CPU_ROW (a part of the line's text) are read by the tests that call this.

import { type Instruction, instructions } from '../../../../src/engine/soft/table/index.ts'
import { makeCase, makeData, Request } from './cases.ts'
import { allowDifferences } from './differences.ts'
import { NativeProcessor } from './native.ts'
import { makeProgram } from './programs.ts'
import { Random } from './random.ts'
import * as R from './record.ts'
import { describe, firstDifference, type Mismatch } from './report.ts'
import { type FlagMasks, makeMixedSequence, makeSequence } from './sequences.ts'
import { type ExecuteOptions, SoftProcessor, type Way } from './soft.ts'
import type { Variant } from './translated.ts'

export interface RunOptions {
  readonly seed: string
  readonly cases: number
  /** How many failures of one line are described. */
  readonly failuresShown?: number
  /** Which parties are compared with the host; both if not given. */
  readonly parties?: readonly Party[]
}

export type Party = 'interpreter' | 'translator'

export interface Outcome {
  readonly line: string
  readonly cases: number
  readonly faulted: number
  /** Of the cases: those that translated code was entered for, and those that it left to the interpreter. */
  readonly translated: number
  readonly leftToInterpreter: number
  readonly failures: number
  readonly descriptions: readonly string[]
}

/** Makes the host's result equal to ours where they may differ. */
type Allow = (mine: Buffer, host: Buffer) => void

/** How the cases of a line are made and run. */
interface Plan {
  readonly make: (random: Random, request: Request) => Allow | undefined
  readonly variants: readonly Variant[]
  /** How the interpreter runs case `i`. */
  readonly interpreter: (i: number) => Way
}

/** Where translated code may be entered, and after how many instructions it has to come back, in turns. */
const optionsOf = (i: number): ExecuteOptions => ({
  position: i,
  allEntries: i % 4 !== 0,
  ...(i % 3 === 0 ? { budget: (i * 7) % 150 } : {}),
})

/** Of flags that are undefined somewhere on the way, a fault may show anything. */
function maskFlags({ all, fault }: FlagMasks): Allow {
  return (mine, host) => {
    const mask = mine.readUInt32LE(R.RESULT.vector) === R.NO_VECTOR ? all : fault
    for (const result of [mine, host])
      result.writeBigUInt64LE(result.readBigUInt64LE(R.RESULT.rflags) & mask, R.RESULT.rflags)
  }
}

const STATUS_FLAGS = 0x8d5n

function forgetStatusFlags(...results: Buffer[]): void {
  for (const result of results) {
    const flags = result.readBigUInt64LE(R.RESULT.rflags)
    result.writeBigUInt64LE(flags & ~STATUS_FLAGS, R.RESULT.rflags)
  }
}

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
    // Where the line ends a region everything may read the flags behind it.
    const variants: readonly Variant[] = row.attributes.has('end') ? ['live'] : ['live', 'dead']
    return this.#compare(row.line, options, {
      make,
      variants,
      interpreter: (i) => (i % 8 === 7 ? 'block' : 'single'),
    })
  }

  /** Sequences of several instructions without memory operands: flags produced by one and consumed by another. */
  sequences(options: RunOptions): Promise<Outcome> {
    return this.#compare('(sequences)', options, {
      make: makeSequence,
      variants: ['live', 'exact'],
      interpreter: () => 'block',
    })
  }

  /** Sequences of all kinds of instructions, with operands in memory. */
  mixedSequences(options: RunOptions): Promise<Outcome> {
    return this.#compare('(mixed sequences)', options, {
      make: (random, request) => maskFlags(makeMixedSequence(random, request)),
      variants: ['live', 'live', 'exact'],
      interpreter: () => 'block',
    })
  }

  /** Small programs of blocks that branch, loop, call and return. */
  programs(options: RunOptions): Promise<Outcome> {
    return this.#compare('(programs)', options, {
      make: (random, request) => maskFlags(makeProgram(random, request)),
      variants: ['live', 'live', 'exact'],
      interpreter: () => 'block',
    })
  }

  close(): void {
    this.#native.close()
  }

  async #compare(line: string, options: RunOptions, { make, variants, interpreter }: Plan): Promise<Outcome> {
    const { seed, cases, failuresShown = 3, parties = ['interpreter', 'translator'] } = options
    const descriptions: string[] = []
    let failures = 0
    let faulted = 0
    let translatedCases = 0
    let done = 0
    const before = this.#soft.statistics()
    for (let batch = 0; done < cases; batch++) {
      const count = Math.min(1024, cases - done)
      const random = new Random(`${seed}/${line}/${batch}`)
      const data = makeData(random)
      const requests = this.#requests.slice(0, count)
      const allow = requests.map((request) => make(random, request))
      const pending = this.#native.run(data, new Uint8Array(this.#buffer, 0, count * R.REQUEST_SIZE), count)
      const variantOf = (i: number): Variant => variants[(batch + i) % variants.length]!
      const translated = parties.includes('translator')
        ? this.#soft.translate(
            requests.map(({ bytes }) => bytes),
            variantOf,
          )
        : []
      this.#soft.setData(data)
      const ours: { way: Way; i: number; mine: Buffer; instructions: number }[] = []
      const execute = (way: Way, i: number): void => {
        const mine = Buffer.alloc(R.RESULT_SIZE)
        if (i % 16 === 15) this.#soft.flush()
        const instructions = this.#soft.execute(requests[i]!.bytes, mine, way, optionsOf(i))
        this.#soft.restoreData()
        ours.push({ way, i, mine, instructions })
      }
      for (let i = 0; i < count; i++) {
        if (parties.includes('interpreter')) execute(interpreter(i), i)
        if (!translated[i]) continue
        translatedCases++
        execute('translated', i)
      }
      const theirs = await pending
      for (let i = 0; i < count; i++)
        if (theirs.readUInt32LE(i * R.RESULT_SIZE + R.RESULT.vector) !== R.NO_VECTOR) faulted++
      const counts = new Map<number, number>()
      for (const { way, i, mine, instructions } of ours) {
        if (way === 'block') counts.set(i, instructions)
        const host = Buffer.from(theirs.subarray(i * R.RESULT_SIZE, (i + 1) * R.RESULT_SIZE))
        const variant = way === 'translated' ? variantOf(i) : undefined
        // In front of an instruction that sets a flag nobody cares for it, unless that instruction faults.
        const faults = mine.readUInt32LE(R.RESULT.vector) !== R.NO_VECTOR
        if (variant === 'dead' || (variant === 'live' && faults)) forgetStatusFlags(mine, host)
        // Translated with an instruction of ours behind it, it is one more, if it does not fault.
        const comparable = way === 'translated' && variant !== 'dead'
        const expected = comparable ? (counts.get(i) ?? instructions) : instructions
        if (mine.equals(host) && instructions === expected) continue
        const request = requests[i]!
        allow[i]?.(mine, host)
        let difference = firstDifference(mine, host)
        if (instructions !== expected) difference ??= `instructions: ${instructions} counted, not ${expected}`
        if (difference === undefined) continue
        failures++
        if (descriptions.length >= failuresShown) continue
        const through = variant ? `${way}, flags ${variant}` : way
        const memory = await this.#memories(data, request, way, i)
        descriptions.push(
          describe({ line, seed, batch, index: i, through, request, mine, host, difference, memory }),
        )
      }
      done += count
    }
    const after = this.#soft.statistics()
    if (after.entered - before.entered < translatedCases) throw new Error(`${line}: a region was not entered`)
    return {
      line,
      cases: done,
      faulted,
      translated: translatedCases,
      leftToInterpreter: after.leftToInterpreter - before.leftToInterpreter,
      failures,
      descriptions,
    }
  }

  /** Runs one request again for the memory that it leaves behind on either side. */
  async #memories(data: Uint8Array, request: Request, way: Way, i: number): Promise<Mismatch['memory']> {
    const native = await this.#native.run(data, request.bytes, 1, true)
    this.#soft.setData(data)
    this.#soft.execute(request.bytes, this.#result, way, optionsOf(i))
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
