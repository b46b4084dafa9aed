// What the agent says before there is a connection: one line on the console, `inlinux-agent: PHASE: MESSAGE`.
// The machine watches the console for it while it boots, to name the phase in its VmError.
import type { BootPhase } from '../errors/index.ts'

export interface AgentFailure {
  readonly phase: BootPhase
  readonly message: string
}

const LINE = /inlinux-agent: (init|mount|exec): (.{1,500})/

/** The failure that a line of the console reports, if it is the agent's. Any program may print such a line, so
 * it explains a boot that has failed; it does not prove that one did. */
export function parseAgentLine(line: string): AgentFailure | undefined {
  const match = LINE.exec(line)
  if (match === null) return undefined
  return { phase: match[1] as BootPhase, message: match[2]!.trimEnd() }
}
