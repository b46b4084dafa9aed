// What inlinux says itself: on stderr only, because stdout belongs to the program.

import type { Ora } from 'ora'

/** One error, `inlinux: …`. Further lines are indented, so that they are not taken for the program's. */
export function complain(text: string): void {
  const [first, ...more] = text.split('\n')
  process.stderr.write([`inlinux: ${first}`, ...more.map((line) => `  ${line}`), ''].join('\n'))
}

/** What is done quickly is not worth a word. */
const PATIENCE_MS = 700

/** A line that tells what takes so long, if stderr is a terminal; else nothing. Gone before the program starts. */
export class ProgressLine {
  #text = ''
  #timer: NodeJS.Timeout | undefined
  #spinner: Ora | undefined
  #isOver = false

  say(text: string): void {
    this.#text = text
    if (this.#spinner !== undefined) this.#spinner.text = text
    else if (canShow() && !this.#isOver) this.#timer ??= setTimeout(() => this.#show(), PATIENCE_MS)
  }

  end(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#spinner?.stop()
  }

  async #show(): Promise<void> {
    const { default: ora } = await import('ora')
    // stdin is the program's: the spinner must not touch it.
    if (!this.#isOver)
      this.#spinner = ora({ text: this.#text, stream: process.stderr, discardStdin: false }).start()
  }
}

/** A terminal of no width is one that nobody sees, and the spinner would not come to an end of clearing its lines. */
function canShow(): boolean {
  return process.stderr.isTTY && process.stderr.columns > 0
}
