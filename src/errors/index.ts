// The one family of errors the library throws on purpose.
//
// A `VmError` has a stable `code` from a closed union, a `phase` when a machine failed to come up, the last
// lines of the guest's console and, where we know it, the fix. Errors of a command (non-zero exit, timeout,
// ENOENT of the program) are `CommandError`s and live in command/, because they have the shape of its result.

/** Stable identifiers: callers switch on these, so none is ever renamed. */
export type VmErrorCode =
  | 'ERR_INLINUX_BOOT'
  | 'ERR_INLINUX_ENGINE'
  | 'ERR_INLINUX_GUEST_MISSING'
  | 'ERR_INLINUX_GUEST_MEMORY'
  | 'ERR_INLINUX_MACHINE_CLOSED'
  | 'ERR_INLINUX_MACHINE_CRASHED'
  | 'ERR_INLINUX_AGENT_PROTOCOL'
  | 'ERR_INLINUX_INVALID_ARGUMENT'
  | 'ERR_INLINUX_IMAGE_INVALID'
  | 'ERR_INLINUX_IMAGE_UNSAFE'
  | 'ERR_INLINUX_IMAGE_TOO_LARGE'
  | 'ERR_INLINUX_IMAGE_UNSUPPORTED'
  | 'ERR_INLINUX_ABORTED'

/** The step of coming up in which a machine failed. */
export type BootPhase = 'engine' | 'kernel' | 'init' | 'mount' | 'exec'

export interface VmErrorOptions {
  readonly cause?: unknown
  readonly phase?: BootPhase
  /** The last lines that the guest printed on its console, oldest first. */
  readonly consoleTail?: readonly string[]
  /** One sentence: what the reader can do about it. */
  readonly fix?: string
}

export class VmError extends Error {
  override readonly name = 'VmError'
  readonly code: VmErrorCode
  readonly phase: BootPhase | undefined
  readonly consoleTail: readonly string[]
  readonly fix: string | undefined

  constructor(code: VmErrorCode, message: string, options: VmErrorOptions = {}) {
    super(describe(message, options), options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.phase = options.phase
    this.consoleTail = options.consoleTail ?? []
    this.fix = options.fix
  }
}

function describe(message: string, { phase, consoleTail, fix }: VmErrorOptions): string {
  const lines = [phase === undefined ? message : `${message} (phase: ${phase})`]
  if (consoleTail !== undefined && consoleTail.length > 0)
    lines.push('Last console lines:', ...consoleTail.map((line) => `  ${line}`))
  if (fix !== undefined) lines.push(`Fix: ${fix}`)
  return lines.join('\n')
}
