// Every difference between the two sides that is known and explained. A line that only one side has and that a rule
// names is taken out and reported with the rule's reason; nothing else may differ.
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

/** Takes out what the rules allow. */
export function withoutKnown(name: string, left: string, right: string): Compared {
  const known: string[] = []
  let [ours, theirs] = [left.split('\n'), right.split('\n')]
  for (const { in: where, line, because } of rules) {
    if (where !== name) continue
    const [inOurs, inTheirs] = [new Set(ours), new Set(theirs)]
    const onlyOurs = ours.filter((each) => line.test(each) && !inTheirs.has(each))
    const onlyTheirs = theirs.filter((each) => line.test(each) && !inOurs.has(each))
    if (onlyOurs.length + onlyTheirs.length === 0) continue
    ours = ours.filter((each) => !onlyOurs.includes(each))
    theirs = theirs.filter((each) => !onlyTheirs.includes(each))
    const lines = [...onlyOurs.map((each) => `- ${each}`), ...onlyTheirs.map((each) => `+ ${each}`)]
    known.push(`${because}\n${lines.join('\n')}`)
  }
  return { left: ours.join('\n'), right: theirs.join('\n'), known }
}
