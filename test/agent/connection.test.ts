// AgentConnection against a guest that lies, stalls and dies. The guest is this test: it holds the other end of
// every stream, as a hostile agent would.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Duplex, type Readable } from 'node:stream'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { AgentConnection, type ProcessSpec, StartFailure } from '../../src/agent/index.ts'
import * as protocol from '../../src/agent/protocol.ts'
import { VmError } from '../../src/errors/index.ts'

/** Two ends of one stream with half-close: what is written to one is read from the other. */
function streamPair(): [Duplex, Duplex] {
  const ends: Duplex[] = []
  for (const other of [1, 0]) {
    let blocked: (() => void) | undefined
    ends.push(
      new Duplex({
        allowHalfOpen: true,
        read: () => {
          blocked?.()
          blocked = undefined
        },
        write: (chunk, _encoding, callback) => {
          if (ends[other]!.push(chunk)) callback()
          else ends[other]!.once('drained', () => callback())
        },
        final: (callback) => {
          ends[other]!.push(null)
          callback()
        },
        destroy: (error, callback) => {
          setImmediate(() => ends[other]!.destroy())
          callback(error)
        },
      }),
    )
  }
  return ends as [Duplex, Duplex]
}

const spec: ProcessSpec = {
  program: 'p',
  argv: ['p'],
  env: [],
  stdin: 'pipe',
  stdout: 'pipe',
  stderr: 'null',
}

describe('a connection to an agent', () => {
  let control: Duplex
  let guestControl: Duplex
  let guestStreams: Duplex[]
  let agent: AgentConnection
  const logged: string[] = []

  const send = (type: number, id: number, payload: Uint8Array = new Uint8Array(), flags = 0): void => {
    guestControl.write(protocol.encodeFrame(type, flags, id, payload))
  }
  const ready = (version = protocol.PROTOCOL_VERSION): void =>
    send(protocol.MSG_READY, 0, Buffer.concat([protocol.encodeU32(version), protocol.encodeString('1.2.3')]))
  const exited = (id: number, code: number, bytes: number, flags = 0): void =>
    send(
      protocol.MSG_EXITED,
      id,
      Buffer.concat([
        protocol.encodeU32(code),
        protocol.encodeU32(0),
        protocol.encodeU64(BigInt(bytes)),
        protocol.encodeU64(0n),
      ]),
      flags,
    )
  const code = (expected: string) => (error: unknown) => error instanceof VmError && error.code === expected

  beforeEach(() => {
    ;[control, guestControl] = streamPair()
    guestStreams = []
    logged.length = 0
    const connect = async (port: number): Promise<Duplex> => {
      assert.equal(port, protocol.STREAM_PORT)
      const [host, guest] = streamPair()
      guestStreams.push(guest)
      return host
    }
    agent = new AgentConnection(control, { connect }, { onLog: (line) => logged.push(line) })
    guestControl.resume()
  })
  afterEach(() => agent.close())

  it('is ready when the agent says so', async () => {
    ready()
    await agent.ready
    assert.equal(agent.version, '1.2.3')
  })

  it('refuses an agent of another protocol', async () => {
    ready(99)
    await assert.rejects(agent.ready, code('ERR_INLINUX_AGENT_PROTOCOL'))
    await agent.closed
  })

  it('takes log lines, also before READY', async () => {
    send(protocol.MSG_LOG, 0, protocol.encodeString('cgroup2: no such device'))
    ready()
    await agent.ready
    assert.deepEqual(logged, ['cgroup2: no such device'])
  })

  it('an announced gigabyte ends the connection, not the host', async () => {
    guestControl.write(Buffer.from('000000408500000000000000', 'hex'))
    await assert.rejects(agent.ready, code('ERR_INLINUX_AGENT_PROTOCOL'))
  })

  it('a payload that is too short ends the connection', async () => {
    const starting = agent.start(spec)
    send(protocol.MSG_STARTED, 1, Buffer.from([1]))
    await assert.rejects(starting, code('ERR_INLINUX_AGENT_PROTOCOL'))
  })

  it('reports about programs nobody started are ignored', async () => {
    exited(77, 0, 0)
    send(protocol.MSG_STARTED, 78, protocol.encodeU32(1))
    send(9999, 1)
    ready()
    await agent.ready
  })

  it('a start that fails says where and why, and drops its streams', async () => {
    const starting = agent.start(spec)
    send(protocol.MSG_FAILED, 1, Buffer.concat([protocol.encodeU32(2), protocol.encodeU32(4)]))
    await assert.rejects(starting, (error: unknown) => {
      assert.ok(error instanceof StartFailure)
      assert.deepEqual([error.code, error.errno, error.step], ['ENOENT', 2, 'chdir'])
      return true
    })
    await Promise.all(guestStreams.map((stream) => stream.destroyed || once(stream.resume(), 'close')))
  })

  it('an unknown step and errno are still a StartFailure', async () => {
    const starting = agent.start(spec)
    send(protocol.MSG_FAILED, 1, Buffer.concat([protocol.encodeU32(4000), protocol.encodeU32(4000)]))
    await assert.rejects(starting, { name: 'StartFailure', code: 'E4000', step: 'protocol' })
  })

  it('the death of the guest settles everything that waits', async () => {
    send(protocol.MSG_STARTED, 1, protocol.encodeU32(42))
    const child = await agent.start(spec)
    const starting = agent.start(spec)
    const reading = once(child.stdout as Readable, 'end')
    const dead = new VmError('ERR_INLINUX_MACHINE_CRASHED', 'triple fault')
    setImmediate(() => agent.fail(dead))
    await assert.rejects(starting, dead)
    await assert.rejects(child.exited, dead)
    await assert.rejects(reading, dead)
    await assert.rejects(agent.start(spec), dead)
    await child.closed
    await agent.closed
    assert.equal(child.kill(9, 'process'), false)
  })

  it('a control connection that just ends is a crash', async () => {
    const starting = agent.start(spec)
    guestControl.end()
    await assert.rejects(starting, code('ERR_INLINUX_MACHINE_CRASHED'))
  })

  it('a cut stdout is an error to its reader, not an end', async () => {
    send(protocol.MSG_STARTED, 1, protocol.encodeU32(42))
    const child = await agent.start(spec)
    const reading = (async () => {
      for await (const chunk of child.stdout as Readable) assert.equal(String(chunk), 'half')
    })()
    guestStreams[1]!.write('half')
    setTimeout(() => guestStreams[1]!.destroy(), 20)
    await assert.rejects(reading, { code: 'ECONNRESET' })
  })

  it('a guest cannot end this process by breaking a stream nobody listens to', async () => {
    send(protocol.MSG_STARTED, 1, protocol.encodeU32(42))
    const child = await agent.start(spec)
    child.stdin?.write('x'.repeat(1 << 20))
    for (const stream of guestStreams) stream.destroy()
    await Promise.all([
      once(child.stdout as Readable, 'close').catch(() => {}),
      new Promise((resolve) => setTimeout(resolve, 20)),
    ])
  })

  it('exited waits for the bytes that EXITED counts', async () => {
    send(protocol.MSG_STARTED, 1, protocol.encodeU32(42))
    const child = await agent.start(spec)
    const order: string[] = []
    child.exited.then(() => order.push('exited'))
    exited(1, 3, 4, protocol.EXITED_HELD_STDOUT)
    await new Promise((resolve) => setTimeout(resolve, 20))
    order.push('bytes')
    guestStreams[1]!.write('four')
    assert.deepEqual(await child.exited, { code: 3, signal: null, held: true })
    assert.deepEqual(order, ['bytes', 'exited'])
  })

  it('an exit that announces more than ever comes does not hold the bytes back', async () => {
    send(protocol.MSG_STARTED, 1, protocol.encodeU32(42))
    const child = await agent.start(spec)
    exited(1, 0, Number.MAX_SAFE_INTEGER)
    guestStreams[1]!.end('all there is')
    assert.equal((await child.exited).code, 0)
    assert.equal(String((child.stdout as Readable).read()), 'all there is')
  })

  it('output without a reader is taken up to a bound after the exit', async () => {
    send(protocol.MSG_STARTED, 1, protocol.encodeU32(42))
    const child = await agent.start(spec)
    exited(1, 0, Number.MAX_SAFE_INTEGER)
    const piece = Buffer.alloc(1 << 16)
    for (let i = 0; i < 200; i++) guestStreams[1]!.write(piece) // 12.5 MiB
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.ok((child.stdout as Readable).readableLength <= (4 << 20) + 3 * piece.length)
  })

  it('any bytes at all from the guest leave the host standing', async () => {
    let seed = 1
    const random = (): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return seed >>> 16
    }
    for (let round = 0; round < 300; round++) {
      const [host, guest] = streamPair()
      const victim = new AgentConnection(host, { connect: async () => streamPair()[0] })
      const starting = victim.start(spec).catch(() => {})
      for (let i = 0; i < 8; i++) {
        const payload = Buffer.from(Array.from({ length: random() % 40 }, random))
        guest.write(protocol.encodeFrame(128 + (random() % 8), random() & 3, random() % 3, payload))
      }
      guest.write(Buffer.from(Array.from({ length: 20 }, random)))
      await new Promise(setImmediate)
      victim.close()
      await starting
    }
  })
})
