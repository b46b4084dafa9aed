// Signals that this process gets belong to the program in the guest.
//
// Not passed on: what nobody can catch (SIGKILL, SIGSTOP), faults of our own (SIGSEGV, SIGBUS, SIGFPE, SIGILL), and
// Ctrl-Z (SIGTSTP, SIGTTIN, SIGTTOU): they stop this process and with it the whole machine, until SIGCONT.

export type ForwardedSignal =
  | 'SIGHUP'
  | 'SIGINT'
  | 'SIGQUIT'
  | 'SIGTERM'
  | 'SIGUSR1'
  | 'SIGUSR2'
  | 'SIGALRM'
  | 'SIGIO'
  | 'SIGPWR'
  | 'SIGCONT'
  | 'SIGWINCH'

const FORWARDED: readonly ForwardedSignal[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGIO',
  'SIGPWR',
  'SIGCONT',
  'SIGWINCH',
]

/** Signals whose default action is not to end the process. */
const HARMLESS: ReadonlySet<string> = new Set(['SIGCONT', 'SIGWINCH'])
/** What a terminal sends, which it sends to the whole foreground process group. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP'])

/** Sent by whoever wants the process gone; not, as with Ctrl-C, perhaps only its work of the moment. */
const ORDERS: ReadonlySet<string> = new Set(['SIGTERM', 'SIGHUP'])

export function isOrderToEnd(signal: ForwardedSignal): boolean {
  return ORDERS.has(signal)
}

export function isHarmless(signal: ForwardedSignal): boolean {
  return HARMLESS.has(signal)
}

/**
 * The program's children would get it too if the program ran here. Who sent a signal is not to be found out; where
 * we have a terminal, these mostly come from it.
 */
export function isForGroup(signal: ForwardedSignal): boolean {
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  return hasTerminal && FROM_TERMINAL.has(signal)
}

/** Takes the signals of this process over, until `stop`. */
export class SignalRelay {
  #receiver: (signal: ForwardedSignal) => void
  readonly #listeners = new Map<ForwardedSignal, () => void>()

  constructor(receiver: (signal: ForwardedSignal) => void) {
    this.#receiver = receiver
    for (const signal of FORWARDED) {
      const listener = (): void => this.#receiver(signal)
      this.#listeners.set(signal, listener)
      process.on(signal, listener)
    }
  }

  redirect(receiver: (signal: ForwardedSignal) => void): void {
    this.#receiver = receiver
  }

  stop(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener)
    this.#listeners.clear()
  }
}
