// Every difference between the two sides that is known and explained. Where the two outputs differ in the lines that a
// rule names, these are taken out of both and reported with the rule's reason; nothing else may differ.
interface Rule {
  /** The case's name. */
  readonly in: string
  /** Matches the whole line. */
  readonly line: RegExp
  readonly because: string
}

const rules: readonly Rule[] = [
  {
    in: 'python3 -m test test_socket',
    // Not a failure: that would show.
    line: /^test\.test_socket\.\w*(VSOCK|CAN|RDS|TIPC|SCTP|UDPLITE|QIPCRTR|Bluetooth|HyperV|Alg)\w*\.\w+: (ok|skipped .*) run$/,
    because: 'the two kernels offer different families of sockets; ours has vsock, for the agent',
  },
]

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
