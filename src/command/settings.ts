// All that a Command's builder collects, and what of it the agent needs to know to start the program.
import type { ProcessDefaults, ProcessSpec } from '../agent/index.ts'
import type { MachineRequest } from './machine-source.ts'
import type { Stdio, StdioPlan } from './stdio.ts'

/** What a login shell of Debian gives root. The host's PATH would mean nothing in the guest. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface Settings {
  program: string
  arg0: string | undefined
  args: string[]
  clearEnv: boolean
  /** In the order of the calls; null removes a variable that the image or the default sets. */
  env: Map<string, string | null>
  cwd: string | undefined
  user: string | undefined
  stdin: Stdio | undefined
  stdout: Stdio | undefined
  stderr: Stdio | undefined
  image: MachineRequest['image'] | undefined
  memory: MachineRequest['memory'] | undefined
  timeout: number | undefined
  signal: AbortSignal | undefined
}

export interface StdioPlans {
  readonly stdin: StdioPlan
  readonly stdout: StdioPlan
  readonly stderr: StdioPlan
}

export function processSpec(settings: Settings, plans: StdioPlans, defaults: ProcessDefaults): ProcessSpec {
  const { program, arg0, args, env, clearEnv, cwd, user } = settings
  const variables = environment(settings, defaults)
  const spec = {
    program,
    argv: [arg0 ?? program, ...args],
    env: Array.from(variables, ([name, value]) => `${name}=${value}`),
    defaultHome: !clearEnv && !variables.has('HOME') && env.get('HOME') !== null,
    stdin: mode(plans.stdin),
    stdout: mode(plans.stdout),
    stderr: sharesPipe(plans) ? ('stdout' as const) : mode(plans.stderr),
  }
  const directory = cwd ?? defaults.cwd
  const identity = user ?? defaults.user
  return {
    ...spec,
    ...(directory === undefined ? {} : { cwd: directory }),
    ...(identity === undefined ? {} : { user: identity }),
  }
}

/** Both outputs go to one target: one pipe keeps the order in which the program wrote. */
export function sharesPipe({ stdout, stderr }: StdioPlans): boolean {
  return stdout.kind === 'to' && stderr.kind === 'to' && stdout.target === stderr.target
}

/** Nothing of the host's environment: a PATH, what the image says, and what the caller changed. */
function environment({ env, clearEnv }: Settings, defaults: ProcessDefaults): Map<string, string> {
  const variables = new Map<string, string>()
  if (!clearEnv) {
    variables.set('PATH', DEFAULT_PATH)
    for (const assignment of defaults.env ?? []) {
      const equals = assignment.indexOf('=')
      if (equals > 0) variables.set(assignment.slice(0, equals), assignment.slice(equals + 1))
    }
  }
  for (const [name, value] of env) {
    if (value === null) variables.delete(name)
    else variables.set(name, value)
  }
  return variables
}

function mode(plan: StdioPlan): 'null' | 'pipe' {
  return plan.kind === 'null' ? 'null' : 'pipe'
}
