// The executable with another place to run programs in: the agent as a process of this machine. Everything from the
// command line to the agent's protocol is real; only the machine is not there.
import { cli, end } from '../../src/cli/index.ts'
import { provideMachines } from '../../src/index.ts'
import { AgentOnHost } from '../agent/agent-on-host.ts'

provideMachines(async ({ image, memory, signal }) => {
  // Tests see by these variables what reached the machine, and make starting slow.
  const request = JSON.stringify({ image: image !== undefined, memory })
  if (process.env.TEST_SHOW_REQUEST !== undefined) process.stderr.write(`${request}\n`)
  const delay = Number(process.env.TEST_BOOT_MS ?? 0)
  if (delay > 0) {
    process.stderr.write('booting\n')
    await new Promise<void>((resolve) => {
      setTimeout(resolve, delay).unref()
      setTimeout(resolve, signal?.aborted ? 0 : delay)
    })
  }
  return AgentOnHost.start()
})

void cli(process.argv.slice(2)).then(end)
