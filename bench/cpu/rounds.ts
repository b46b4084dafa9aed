// Interleaved rounds: every round runs each row on each side in turn, so that a busy minute hits all of them alike.
//
// A side that fails a row (too slow, other output, a crash) is not asked for that row again: the row then has no ratio
// with it, and the report says why. The output of every run is compared with the first one of its row, which is the
// native one when that side takes part.

import { type Measured, OverLimit, PEERS, type PeerName } from './peer.ts'

export interface Row {
  /** What the filter on the command line sees. */
  readonly name: string
  /** What the table says. */
  readonly what: string
  /** Who takes part, and how. */
  readonly sides: Readonly<Partial<Record<PeerName, () => Promise<Measured>>>>
}

/** What one side made of one row. */
export interface Side {
  readonly samples: Measured[]
  failure?: Failure
}

export interface Failure {
  readonly why: string
  /** It took longer than its limit, which is no mistake. */
  readonly slow: boolean
}

export interface Result {
  readonly row: Row
  readonly sides: Readonly<Partial<Record<PeerName, Side>>>
}

export interface Rounds {
  readonly section: string
  readonly rows: readonly Row[]
  readonly rounds: number
  readonly engines: ReadonlySet<PeerName>
  readonly tell: (what: string) => void
}

export async function runRounds({ section, rows, rounds, engines, tell }: Rounds): Promise<Result[]> {
  const results = rows.map((row) => {
    const names = PEERS.filter((name) => engines.has(name) && row.sides[name] !== undefined)
    const sides: Partial<Record<PeerName, Side>> = {}
    for (const name of names) sides[name] = { samples: [] }
    return { row, sides }
  })
  const outputs = new Map<Row, string>()
  for (let round = 1; round <= rounds; round++) {
    for (const { row, sides } of results) {
      for (const name of PEERS) {
        const side = sides[name]
        if (side === undefined || side.failure !== undefined) continue
        const outcome = await attempt(row, name, outputs)
        if ('why' in outcome) side.failure = outcome
        else side.samples.push(outcome)
        const said = 'why' in outcome ? outcome.why : `${Math.round(outcome.wall)} ms`
        tell(`${section}, round ${round}: ${row.name}, ${name}: ${said}`)
        if ('complaints' in outcome) tell(`meanwhile on its console:\n${outcome.complaints}`)
      }
    }
  }
  return results
}

async function attempt(row: Row, name: PeerName, outputs: Map<Row, string>): Promise<Measured | Failure> {
  try {
    const measured = await row.sides[name]!()
    const expected = outputs.get(row) ?? measured.output
    outputs.set(row, expected)
    if (measured.output === expected) return measured
    return { why: `other output: ${shorten(measured.output)}, not ${shorten(expected)}`, slow: false }
  } catch (error) {
    return { why: (error as Error).message, slow: error instanceof OverLimit }
  }
}

function shorten(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}
