// Signals of x86-64 Linux, by name and number. The guest is Linux whatever the host is, so the host's numbers
// (`os.constants.signals`) are not used.

export const SIGNAL_NUMBERS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
  SIGIOT: 6,
  SIGPOLL: 29,
} as const

export type SignalName = keyof typeof SIGNAL_NUMBERS

/** The kernel's real-time signals have numbers only; Linux has 64 signals in all. */
const SIGRTMIN = 32
const SIGRTMAX = 64

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(SIGNAL_NUMBERS)
    .reverse() // of two names for a number the first one stays
    .map(([name, number]) => [number, name]),
)

/** `SIGTERM` for 15, `SIGRT34` for a real-time signal. */
export function signalName(number: number): string {
  return NAMES.get(number) ?? `SIGRT${number}`
}

/** The number of a signal given by name or number; undefined if Linux has no such signal. 0 only tests. */
export function signalNumber(signal: string | number): number | undefined {
  if (typeof signal === 'string') {
    const realTime = /^SIGRT(\d+)$/.exec(signal)
    if (realTime === null)
      return Object.hasOwn(SIGNAL_NUMBERS, signal) ? SIGNAL_NUMBERS[signal as SignalName] : undefined
    const number = Number(realTime[1])
    return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined
  }
  return Number.isInteger(signal) && signal >= 0 && signal <= SIGRTMAX ? signal : undefined
}
