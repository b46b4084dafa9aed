// What inlinux says itself: on stderr only, because stdout belongs to the program.

/** One error, `inlinux: …`. Further lines are indented, so that they are not taken for the program's. */
export function complain(text: string): void {
  const [first, ...more] = text.split('\n')
  process.stderr.write([`inlinux: ${first}`, ...more.map((line) => `  ${line}`), ''].join('\n'))
}

/** What is done quickly is not worth a word. */
const PATIENCE_MS = 700
const REDRAW_MS = 100
const ERASE_LINE = '\r\x1b[K'

/**
 * A line that tells what takes so long, if stderr is a terminal; else nothing. Erased before the program starts, and
 * the terminal is not touched again: not a spinner of a library, because those come back at the exit to restore the
 * cursor, in the middle of what the program has written.
 */
export class ProgressLine {
  #text = ''
  #timer: NodeJS.Timeout | undefined
  #isShown = false
  #isOver = false

  say(text: string): void {
    this.#text = text
    if (!process.stderr.isTTY || this.#isOver) return
    this.#timer ??= setTimeout(() => this.#show(), PATIENCE_MS)
  }

  end(): void {
    if (this.#isShown) process.stderr.write(ERASE_LINE)
    this.#isShown = false
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  #show(): void {
    // A longer line would wrap, and erasing would leave its beginning. Some terminals do not tell their width.
    const room = (process.stderr.columns || 80) - 2
    process.stderr.write(`${ERASE_LINE}${this.#text.slice(0, room)}…`)
    this.#isShown = true
    this.#timer = setTimeout(() => this.#show(), REDRAW_MS)
  }
}
