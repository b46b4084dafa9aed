// The last lines that the guest printed on its console: what a boot failure shows, and `inlinux doctor`.

const KEPT_LINES = 40
/** A guest that never ends its line must not make it grow. */
const LINE_CHARACTERS = 500

export class ConsoleLog {
  readonly #lines: string[] = []
  readonly #onLine: (line: string) => void
  readonly #decoder = new TextDecoder()
  #line = ''

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  write(bytes: Uint8Array): void {
    for (const character of this.#decoder.decode(bytes, { stream: true })) {
      if (character === '\n') this.#end()
      else if (character !== '\r' && this.#line.length < LINE_CHARACTERS) this.#line += character
    }
  }

  /** @returns the last lines, oldest first, an unfinished one included */
  tail(count = 30): string[] {
    return [...this.#lines, ...(this.#line === '' ? [] : [this.#line])].slice(-count)
  }

  #end(): void {
    const line = this.#line
    this.#line = ''
    this.#lines.push(line)
    if (this.#lines.length > KEPT_LINES) this.#lines.shift()
    this.#onLine(line)
  }
}
