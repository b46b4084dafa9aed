// Runs shell scripts with inherited stdio and exits as the last one did; the process under test in inherit.test.ts.
// Arguments: a script, how many of it at once, and one to run afterwards (or nothing).
import { SIGNAL_NUMBERS, type SignalName } from '../../src/agent/index.ts'
import { Command, type ExitStatus } from '../../src/command/index.ts'
import { AgentOnHost } from '../agent/agent-on-host.ts'

const [first = '', times = '1', then = ''] = process.argv.slice(2)
const machine = await AgentOnHost.start()
const run = (script: string): Promise<ExitStatus> =>
  new Command('sh', { machine }).args(['-c', script]).status()

const statuses = await Promise.all(Array.from({ length: Number(times) }, () => run(first)))
const { code, signal } = then === '' ? (statuses[0] as ExitStatus) : await run(then)
await machine.close()
process.exitCode = code ?? 128 + SIGNAL_NUMBERS[signal as SignalName]
