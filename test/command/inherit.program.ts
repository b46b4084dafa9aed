// Runs a shell script with inherited stdio and exits as it did; the process under test in inherit.test.ts.
import { SIGNAL_NUMBERS, type SignalName } from '../../src/agent/index.ts'
import { Command } from '../../src/command/index.ts'
import { AgentOnHost } from '../agent/agent-on-host.ts'

const machine = await AgentOnHost.start()
const { code, signal } = await new Command('sh', { machine }).args(['-c', process.argv[2] as string]).status()
await machine.close()
process.exitCode = code ?? 128 + SIGNAL_NUMBERS[signal as SignalName]
