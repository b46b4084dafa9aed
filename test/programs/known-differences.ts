// Every difference between the two sides that is known and explained. A line that a rule names is taken out of both
// outputs before they are compared; nothing else may differ. A rule that is no longer needed shows up as such.
interface Rule {
  /** The case's name. */
  readonly in: string
  /** Matches the whole line. */
  readonly line: RegExp
  readonly because: string
}

const rules: readonly Rule[] = []

export interface Compared {
  readonly left: string
  readonly right: string
  /** What was taken out because it did differ. */
  readonly known: readonly string[]
}

/** Takes the lines out that the rules name, where the two texts differ in them. */
export function withoutKnown(name: string, left: string, right: string): Compared {
  const known: string[] = []
  let remaining: [string, string] = [left, right]
  for (const { in: where, line, because } of rules) {
    if (where !== name) continue
    const [ours, theirs] = remaining.map((text) =>
      text
        .split('\n')
        .filter((each) => line.test(each))
        .join('\n'),
    )
    if (ours === theirs) continue
    known.push(`${because}\n  native:  ${ours}\n  machine: ${theirs}`)
    remaining = remaining.map((text) =>
      text
        .split('\n')
        .filter((each) => !line.test(each))
        .join('\n'),
    ) as [string, string]
  }
  return { left: remaining[0], right: remaining[1], known }
}
