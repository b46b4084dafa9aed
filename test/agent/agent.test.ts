// The agent itself, built for this machine: what the table of Command cannot see.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type ProcessSpec, type RemoteProcess, StartFailure } from '../../src/agent/index.ts'
import * as protocol from '../../src/agent/protocol.ts'
import { VmError } from '../../src/errors/index.ts'
import { AgentOnHost } from './agent-on-host.ts'

const env = ['PATH=/usr/bin:/bin']

function shell(script: string, changes: Partial<ProcessSpec> = {}): ProcessSpec {
  const argv = ['busybox', 'sh', '-c', script]
  return { program: '/bin/busybox', argv, env, stdin: 'null', stdout: 'pipe', stderr: 'null', ...changes }
}

async function text(stream: Readable | null): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** Not a zombie either: whose agent is gone is reaped by this machine's init, some time. */
function isRunning(pid: number | string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('the agent', () => {
  let host: AgentOnHost

  const output = async (spec: ProcessSpec): Promise<string> => text((await host.start(spec)).stdout)
  const descriptors = (): number => readdirSync(`/proc/${host.process.pid}/fd`).length
  /** What the agent holds once all ended programs are forgotten. */
  const settled = async (expected: number): Promise<number> => {
    for (let tries = 0; tries < 100 && descriptors() !== expected; tries++) await pause(20)
    return descriptors()
  }

  before(async () => {
    host = await AgentOnHost.start()
  })
  after(() => host.close())

  it('gives the program real pipes', async () => {
    const types = await output(
      shell('for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done', { stdin: 'pipe', stderr: 'pipe' }),
    )
    assert.match(types, /^pipe:\[\d+\]\npipe:\[\d+\]\npipe:\[\d+\]\n$/)
  })

  it('gives blocking pipes: O_NONBLOCK is for the agent only', async () => {
    const flags = await output(
      shell('for fd in 0 1; do grep flags /proc/$$/fdinfo/$fd; done', { stdin: 'pipe' }),
    )
    assert.match(flags, /^flags:\s+00?\nflags:\s+00?1\n$/)
  })

  it('writes stdout and stderr into one pipe when asked to', async () => {
    const both = await output(shell('for i in 1 2 3; do echo o$i; echo e$i >&2; done', { stderr: 'stdout' }))
    assert.equal(both, 'o1\ne1\no2\ne2\no3\ne3\n')
  })

  it('reaps orphans as PID 1 must', async () => {
    const orphan = (await output(shell("sh -c 'sleep 0.05 >/dev/null & echo $!'"))).trim()
    for (let tries = 0; tries < 100 && existsSync(`/proc/${orphan}`); tries++) await pause(20)
    assert.equal(existsSync(`/proc/${orphan}`), false)
  })

  it('keeps no descriptor and no record of what is over', async () => {
    await output(shell('true'))
    await pause(50)
    const idle = descriptors()
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const child = await host.start(shell('cat; exit 1', { stdin: 'pipe' }))
        if (i % 3 === 0) child.stdout?.destroy()
        else if (i % 3 === 1) child.stdin?.destroy()
        else child.stdin?.end('x')
        if (i % 3 === 0) child.stdin?.end()
        child.stdout?.resume()
        await child.exited
      }),
    )
    await Promise.all(
      Array.from({ length: 20 }, () =>
        host.start({ ...shell(''), program: '/nope', stdin: 'pipe' }).catch(() => {}),
      ),
    )
    assert.equal(await settled(idle), idle)
  })

  it('uses no CPU while a program waits, with a full pipe and a gone reader', async () => {
    const full = await host.start(shell('yes', { stdin: 'pipe' })) // nobody reads
    const stuck = await host.start(shell('sleep 30', { stdin: 'pipe' }))
    stuck.stdin?.write(Buffer.alloc(1 << 20)) // nobody reads
    await pause(200)
    stuck.stdin?.destroy() // a hang-up that the agent cannot act on before the pipe drains
    await pause(50)
    const ticks = (): number => {
      const fields = readFileSync(`/proc/${host.process.pid}/stat`, 'utf8').split(' ')
      return Number(fields[13]) + Number(fields[14])
    }
    const before = ticks()
    await pause(500)
    const used = ticks() - before
    for (const child of [full, stuck]) {
      child.kill(9, 'group')
      child.stdout?.destroy()
      await child.exited
    }
    assert.ok(used <= 1, `${used} ticks of 10 ms in half a second`)
  })

  it('kills a process group, whole', async () => {
    const child = await host.start(shell('sleep 30 & echo $!; wait'))
    const first = await new Promise<Buffer>((resolve) => child.stdout?.once('data', resolve))
    child.kill(15, 'group')
    assert.equal((await child.exited).signal, 15)
    await pause(100)
    assert.equal(isRunning(String(first).trim()), false)
  })

  it('a signal to a program that has ended hits nobody', async () => {
    const child = await host.start(shell('exit 0'))
    await child.exited
    assert.equal(child.kill(9, 'group'), false)
    // Also one that crosses the EXITED on its way, which only a raw frame can show:
    host.control.write(
      protocol.encodeFrame(protocol.MSG_SIGNAL, protocol.SIGNAL_GROUP, 1, protocol.encodeU32(9)),
    )
    assert.equal(await output(shell('echo alive')), 'alive\n')
  })

  it('ENOEXEC: a program of no known kind, that is no text either', async () => {
    const script = 'f=/tmp/inlinux-badelf; printf "\\177ELF\\0\\0\\0" > $f; chmod 755 $f'
    await output(shell(script))
    const starting = host.start({ ...shell(''), program: '/tmp/inlinux-badelf', argv: ['x'] })
    await assert.rejects(
      starting,
      (error: unknown) => error instanceof StartFailure && error.code === 'ENOEXEC' && error.step === 'exec',
    )
  })

  it('E2BIG: more arguments than a frame holds', async () => {
    const starting = host.start({ ...shell(''), argv: Array(50).fill('x'.repeat(100_000)) })
    await assert.rejects(starting, { code: 'E2BIG' })
  })

  it('E2BIG: more arguments than the kernel takes', async () => {
    const starting = host.start({ ...shell(''), argv: Array(30).fill('x'.repeat(100_000)) })
    await assert.rejects(starting, { code: 'E2BIG', step: 'exec' })
  })

  it('runs as a user by number, with and without a group', async () => {
    const who = 'echo $(id -u) $(id -g) $(id -G) $HOME'
    const as = (user: string): Promise<string> => output(shell(who, { user, defaultHome: true }))
    assert.equal(await as('54321'), '54321 0 0 /\n')
    assert.equal(await as('54321:54322'), '54321 54322 54322 /\n')
    assert.equal(await as(''), '0 0 0 /root\n')
    assert.equal(await as('root'), '0 0 0 /root\n')
  })

  it('runs as a user by name, with the groups that list it', async () => {
    const [name, , uid, gid, , home] = readFileSync('/etc/passwd', 'utf8')
      .match(/^daemon:.*$/m)![0]
      .split(':')
    const seen = await output(
      shell('echo $(id -u) $(id -g) $HOME', { user: name as string, defaultHome: true }),
    )
    assert.equal(seen, `${uid} ${gid} ${home}\n`)
  })

  it('refuses users and groups that do not exist', async () => {
    for (const user of ['no-such-user', 'root:no-such-group', '4294967295', '0x10', '-1', ' root'])
      await assert.rejects(host.start(shell('true', { user })), { code: 'EINVAL', step: 'user' }, user)
  })

  it('passes clock, entropy and host name on', async () => {
    host.agent.setClock(1_700_000_000_000_000_000n)
    host.agent.addEntropy(new Uint8Array(64))
    host.agent.setHostname('tea')
    await output(shell('true'))
    for (const line of ['on host: clock 1700000000000000000', 'on host: entropy 64', 'on host: hostname tea'])
      assert.ok(host.log.includes(line))
  })

  it('runs two hundred programs at the same time', async () => {
    const children = await Promise.all(
      Array.from({ length: 200 }, (_, i) => host.start(shell(`read x; echo ${i} $x`, { stdin: 'pipe' }))),
    )
    for (const child of children) child.stdin?.end('y\n')
    const outputs = await Promise.all(children.map((child) => text(child.stdout)))
    assert.deepEqual(
      outputs,
      children.map((_, i) => `${i} y\n`),
    )
  })
})

describe('an agent of its own', () => {
  it('says goodbye when it is powered off, and takes its programs with it', async () => {
    const host = await AgentOnHost.start()
    const child = await host.start(shell('sleep 30'))
    await host.agent.powerOff({ sync: true })
    await host.agent.closed
    await assert.rejects(
      child.exited,
      (error: unknown) => error instanceof VmError && error.code === 'ERR_INLINUX_MACHINE_CRASHED',
    )
    for (let tries = 0; tries < 100 && isRunning(child.pid); tries++) await pause(20)
    assert.equal(isRunning(child.pid), false)
    await host.close()
  })

  it('closing the connection kills its programs', async () => {
    const host = await AgentOnHost.start()
    const child = await host.start(shell('sleep 30'))
    await host.close()
    for (let tries = 0; tries < 100 && isRunning(child.pid); tries++) await pause(20)
    assert.equal(isRunning(child.pid), false)
  })

  it('its death is the crash of the machine', async () => {
    const host = await AgentOnHost.start()
    const child = await host.start(shell('cat', { stdin: 'pipe' }))
    host.process.kill('SIGKILL')
    await assert.rejects(child.exited, { code: 'ERR_INLINUX_MACHINE_CRASHED' })
    await assert.rejects(host.start(shell('true')), { code: 'ERR_INLINUX_MACHINE_CRASHED' })
    await host.close()
  })

  it('withstands requests that no host of ours would send', async () => {
    let seed = 7
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return (seed >>> 16) % below
    }
    const host = await AgentOnHost.start()
    for (let i = 0; i < 2000; i++) {
      // Signals are left out: a random one to a random id may be meant for this very test.
      const type = [protocol.MSG_START, protocol.MSG_CLOCK, protocol.MSG_ENTROPY, protocol.MSG_HOSTNAME, 77][
        random(5)
      ] as number
      const payload = Buffer.from(
        Array.from({ length: random(60) }, () => (random(3) ? random(4) : random(256))),
      )
      host.control.write(protocol.encodeFrame(type, random(4), 0, payload))
    }
    const child: RemoteProcess = await host.start(shell('echo alive'))
    assert.equal(await text(child.stdout), 'alive\n')
    await host.close()
  })

  it('withstands a START that is damaged anywhere', async () => {
    let seed = 11
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return (seed >>> 16) % below
    }
    const host = await AgentOnHost.start()
    const intact = protocol.encodeStart({
      program: '/no/such/program',
      argv: ['a', 'bc', ''],
      env: ['PATH=/no', 'A=b'],
      cwd: '/no/such',
      user: 'daemon:1',
      umask: 0o22,
      stdio: ['pipe', 'null', 'pipe'],
    }) as Buffer
    for (let id = 1; id <= 3000; id++) {
      const payload = Buffer.from(intact.subarray(0, random(4) ? intact.length : random(intact.length)))
      for (let flips = 1 + random(3); payload.length > 0 && flips > 0; flips--)
        payload[random(payload.length)] = random(256)
      host.control.write(protocol.encodeFrame(protocol.MSG_START, random(2), id, payload))
    }
    host.agent.setHostname('still-standing')
    while (!host.log.includes('on host: hostname still-standing')) await pause(20)
    await host.close()
  })

  it('withstands streams that belong to nobody', async () => {
    const host = await AgentOnHost.start()
    const strangers = await Promise.all(Array.from({ length: 30 }, () => host.connect()))
    strangers.forEach((stream, i) => {
      stream.on('error', () => {})
      if (i % 3 === 0) stream.write(protocol.encodeStreamHeader(1, 9))
      if (i % 3 === 1) stream.end(Buffer.from([1, 2]))
      if (i % 3 === 2) stream.write(protocol.encodeStreamHeader(4_000_000, 1))
    })
    const child = await host.start(shell('echo alive'))
    assert.equal(await text(child.stdout), 'alive\n')
    for (const stream of strangers) stream.destroy()
    await host.close()
  })
})
