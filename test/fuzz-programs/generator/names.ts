// Names that nothing else in a program has, and numbers of its checks.

export class Names {
  #last = 0
  #checks = 0

  /** `prefix` with a number; the underscore keeps it apart from names like i128. */
  fresh(prefix: string): string {
    this.#last++
    return `${prefix}_${this.#last}`
  }

  /** The number that a check prints. */
  check(): number {
    this.#checks++
    return this.#checks
  }
}
