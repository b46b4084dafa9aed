// Which flags have a defined value: a program may look at no others, since processors do not agree on them.
// The rules are those of the Intel manual's instruction pages.

export type Flag = 'C' | 'P' | 'A' | 'Z' | 'S' | 'O'

const ALL: readonly Flag[] = ['C', 'P', 'A', 'Z', 'S', 'O']
const BIT: Readonly<Record<Flag, number>> = { C: 0, P: 2, A: 4, Z: 6, S: 7, O: 11 }

/** Condition codes by the flags they need. */
const CONDITIONS: readonly (readonly [codes: readonly string[], needs: readonly Flag[]])[] = [
  [['o', 'no'], ['O']],
  [['b', 'ae'], ['C']],
  [['e', 'ne'], ['Z']],
  [
    ['be', 'a'],
    ['C', 'Z'],
  ],
  [['s', 'ns'], ['S']],
  [['p', 'np'], ['P']],
  [
    ['l', 'ge'],
    ['S', 'O'],
  ],
  [
    ['le', 'g'],
    ['Z', 'S', 'O'],
  ],
]

export class Flags {
  #defined: Set<Flag>

  constructor(defined: Iterable<Flag> = []) {
    this.#defined = new Set(defined)
  }

  copy(): Flags {
    return new Flags(this.#defined)
  }

  has(...flags: readonly Flag[]): boolean {
    return flags.every((flag) => this.#defined.has(flag))
  }

  define(...flags: readonly Flag[]): void {
    for (const flag of flags) this.#defined.add(flag)
  }

  undefine(...flags: readonly Flag[]): void {
    for (const flag of flags) this.#defined.delete(flag)
  }

  /** An instruction that defines these and leaves the others undefined. */
  only(...flags: readonly Flag[]): void {
    this.#defined = new Set(flags)
  }

  all(): void {
    this.only(...ALL)
  }

  /** Logic: AF alone is undefined. */
  logic(): void {
    this.only('C', 'P', 'Z', 'S', 'O')
  }

  /** Where two ways meet, only what both define is defined. */
  meet(other: Flags): void {
    this.#defined = new Set([...this.#defined].filter((flag) => other.has(flag)))
  }

  /** Condition codes that may be asked for now. */
  conditions(): readonly string[] {
    return CONDITIONS.filter(([, needs]) => this.has(...needs)).flatMap(([codes]) => codes)
  }

  /** As bits of RFLAGS. */
  mask(): number {
    return [...this.#defined].reduce((mask, flag) => mask | (1 << BIT[flag]), 0)
  }
}
