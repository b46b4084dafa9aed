// The agent without a machine: the same C code, built as an ordinary program and reached over unix sockets.
// Everything from the protocol to Command is tested against it; a machine runs the same tables through vsock.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import {
  AgentConnection,
  type ProcessHost,
  type ProcessSpec,
  type RemoteProcess,
} from '../../src/agent/index.ts'

const guest: string = join(process.cwd(), 'guest/agent')
const built: string = join(process.cwd(), 'build/guest')

/** Compiles the agent if its sources are newer than the last result. */
export function buildAgent(): string {
  execFileSync('make', ['-s', '-C', guest, `OUT=${built}`, `${built}/agent-on-host`], {
    stdio: ['ignore', 'ignore', 'inherit'], // a shared stdout would become a blocking one
  })
  return join(built, 'agent-on-host')
}

export class AgentOnHost implements ProcessHost {
  readonly agent: AgentConnection
  readonly process: ChildProcess
  readonly log: string[]
  /** The socket under the connection, for tests that write what no connection would. */
  readonly control: Socket
  readonly #folder: string

  static async start(): Promise<AgentOnHost> {
    const program = buildAgent()
    const folder = mkdtempSync(join(tmpdir(), 'inlinux-agent-'))
    const server = createServer({ allowHalfOpen: true }).listen(join(folder, 'control'))
    await once(server, 'listening')
    const child = spawn(program, [join(folder, 'control'), join(folder, 'streams')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const [control] = (await once(server, 'connection')) as [Socket]
    server.close()
    const host = new AgentOnHost(child, control, folder)
    await host.agent.ready
    return host
  }

  constructor(child: ChildProcess, control: Socket, folder: string) {
    this.process = child
    this.#folder = folder
    this.control = control
    this.log = []
    this.agent = new AgentConnection(
      control,
      { connect: () => this.connect() },
      { onLog: (line) => this.log.push(line) },
    )
  }

  start(spec: ProcessSpec): Promise<RemoteProcess> {
    return this.agent.start(spec)
  }

  /** A stream to the agent, before its header. */
  async connect(): Promise<Duplex> {
    const socket = connect({ path: join(this.#folder, 'streams'), allowHalfOpen: true })
    await once(socket, 'connect')
    return socket
  }

  async close(): Promise<void> {
    const exited =
      this.process.exitCode === null && this.process.signalCode === null && once(this.process, 'exit')
    this.agent.close()
    await exited
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
