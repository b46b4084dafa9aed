// Command itself: what the comparison with child_process cannot show, because child_process has no such thing.
import assert from 'node:assert/strict'
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { ProcessHost } from '../../src/agent/index.ts'
import {
  Command,
  CommandError,
  type MachineRequest,
  provideMachines,
  Stdio,
} from '../../src/command/index.ts'
import { AgentOnHost } from '../agent/agent-on-host.ts'

function commandError(check: (error: CommandError) => void) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof CommandError, String(error))
    check(error)
    return true
  }
}

/** Nothing here boots a machine that would look into it. */
const someImage: NonNullable<MachineRequest['image']> = {
  prepare: () => Promise.reject(new Error('not used')),
}

const invalid = { code: 'ERR_INLINUX_INVALID_ARGUMENT' }

/** A zombie has not been reaped by its new parent yet: it does not run. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('a Command in a machine', () => {
  let machine: AgentOnHost
  const command = (program: string): Command => new Command(program, { machine })
  const sh = (script: string): Command => command('sh').args(['-c', script])
  const stdoutOf = async (some: Command): Promise<string> => (await some.output()).stdout.toString()

  before(async () => {
    machine = await AgentOnHost.start()
  })
  after(() => machine.close())

  // ── the builder ─────────────────────────────────────────────────────────────────────────────────────────

  it('can be run many times, also at once', async () => {
    const echo = command('echo').arg('again')
    assert.deepEqual(await Promise.all([stdoutOf(echo), stdoutOf(echo)]), ['again\n', 'again\n'])
    assert.equal(await stdoutOf(echo), 'again\n')
  })

  it('may be changed while an earlier run is under way', async () => {
    const echo = command('echo').arg('one')
    const first = stdoutOf(echo)
    echo.arg('two').env('X', '1')
    assert.deepEqual([await first, await stdoutOf(echo)], ['one\n', 'one two\n'])
  })

  it('is refused at once what execve() could not take', () => {
    assert.throws(() => new Command(''), invalid)
    assert.throws(() => new Command('a\0b'), invalid)
    assert.throws(() => command('x').arg('a\0b'), invalid)
    assert.throws(() => command('x').arg(1 as unknown as string), invalid)
    assert.throws(() => command('x').args('abc'), invalid)
    assert.throws(() => command('x').env('', 'v'), invalid)
    assert.throws(() => command('x').env('A=B', 'v'), invalid)
    assert.throws(() => command('x').env('A', undefined as unknown as string), invalid)
    assert.throws(() => command('x').image('debian' as never), invalid)
    assert.throws(() => command('x').timeout(0), invalid)
    assert.throws(() => command('x').timeout(Number.POSITIVE_INFINITY), invalid)
    assert.throws(() => command('x').signal('SIGTERM' as unknown as AbortSignal), invalid)
    assert.throws(() => command('x').stdin(Stdio.to(() => {})), invalid)
    assert.throws(() => command('x').stdout(Stdio.from('x')), invalid)
    assert.throws(() => command('x').stdout('piped' as unknown as Stdio), invalid)
    assert.throws(() => Stdio.from(7 as unknown as string), invalid)
    assert.throws(() => Stdio.to({} as unknown as Writable), invalid)
  })

  it('cannot choose the image of a machine that runs already', async () => {
    await assert.rejects(command('true').image(someImage).status(), invalid)
    await assert.rejects(command('true').memory('1GiB').status(), invalid)
  })

  // ── the environment ─────────────────────────────────────────────────────────────────────────────────────

  it("does not inherit the host's environment", async () => {
    process.env.INLINUX_TEST_LEAK = 'leaked'
    assert.equal(await stdoutOf(sh('echo "$INLINUX_TEST_LEAK"')), '\n')
    delete process.env.INLINUX_TEST_LEAK
  })

  it('has a PATH and the HOME of its user', async () => {
    assert.equal(
      await stdoutOf(command('env')),
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOME=/root\n',
    )
    assert.equal(await stdoutOf(sh('echo $HOME').user('daemon')), '/usr/sbin\n')
  })

  it('has what the image sets, changed and removed as asked', async () => {
    const host: ProcessHost = {
      processDefaults: {
        env: ['LANG=C.UTF-8', 'PATH=/usr/bin:/bin', 'A=1', 'HOME=/srv'],
        cwd: '/usr',
        user: 'daemon',
      },
      start: (spec) => machine.start(spec),
      close: async () => {},
    }
    const inImage = (program: string): Command => new Command(program, { machine: host })
    assert.equal(
      await stdoutOf(
        inImage('env')
          .env('B', '2')
          .envRemove('A')
          .env('LANG', 'de')
          .envs([['C', '3']]),
      ),
      'PATH=/usr/bin:/bin\nLANG=de\nHOME=/srv\nB=2\nC=3\n',
    )
    assert.equal(await stdoutOf(inImage('sh').args(['-c', 'pwd; id -un'])), '/usr\ndaemon\n')
    assert.equal(
      await stdoutOf(inImage('sh').args(['-c', 'pwd; id -un']).currentDir('/').user(0)),
      '/\nroot\n',
    )
  })

  it('envClear() takes everything that was there, not what comes after', async () => {
    assert.equal(await stdoutOf(command('/usr/bin/env').env('A', '1').envClear().env('B', '2')), 'B=2\n')
    assert.equal(await stdoutOf(command('/usr/bin/env').envRemove('PATH').envRemove('HOME')), '')
  })

  // ── stdin from anything ─────────────────────────────────────────────────────────────────────────────────

  it('reads stdin from anything readable', async () => {
    const sources: Parameters<typeof Stdio.from>[0][] = [
      'text ü',
      Buffer.from('text ü'),
      new TextEncoder().encode('text ü').buffer as ArrayBuffer,
      new DataView(new TextEncoder().encode('text ü').buffer),
      new Blob(['text', ' ü']),
      Readable.from(['text', ' ü']),
      Readable.from([Buffer.from('text ü')]),
      new Blob(['text ü']).stream() as ReadableStream<Uint8Array>,
      ['text', Buffer.from(' '), 'ü'],
      new Set(['text', ' ü']),
      (function* () {
        yield 'text '
        yield Buffer.from('ü')
      })(),
      (async function* () {
        yield 'text '
        await pause(5)
        yield 'ü'
      })(),
      () => 'text ü',
      async () => Readable.from(['text ü']),
    ]
    for (const source of sources)
      assert.equal(await stdoutOf(command('cat').stdin(Stdio.from(source))), 'text ü')
  })

  it('a string can be read again by every run, a stream only once', async () => {
    const again = command('cat').stdin(Stdio.from('x'))
    assert.deepEqual([await stdoutOf(again), await stdoutOf(again)], ['x', 'x'])
    const factory = command('cat').stdin(Stdio.from(() => Readable.from(['y'])))
    assert.deepEqual([await stdoutOf(factory), await stdoutOf(factory)], ['y', 'y'])
    for (const source of [
      Readable.from(['z']),
      new Blob(['z']).stream() as ReadableStream<Uint8Array>,
      [].values(),
    ]) {
      const once = command('cat').stdin(Stdio.from(source))
      await once.output()
      await assert.rejects(once.output(), invalid)
    }
  })

  it('lets go of a source when the program stops reading', async () => {
    let returned = false
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) yield 'y\n'.repeat(1000)
      } finally {
        returned = true
      }
    }
    assert.equal(await stdoutOf(command('head').arg('-n1').stdin(Stdio.from(endless()))), 'y\n')
    while (!returned) await pause(20) // at the latest, the test's time limit ends this

    const silent = new PassThrough()
    assert.ok((await command('true').stdin(Stdio.from(silent)).status()).success)
    while (!silent.destroyed) await pause(20)
  })

  it('a source that fails kills the program: it must not take that for the end', async () => {
    const broken = Readable.from(
      (async function* () {
        yield 'part'
        await pause(100)
        throw new Error('disk on fire')
      })(),
    )
    await assert.rejects(
      sh('cat; echo complete').stdin(Stdio.from(broken)).output(),
      commandError((error) => {
        assert.equal(error.code, 'ERR_STDIO')
        assert.equal((error.cause as Error).message, 'disk on fire')
        assert.equal(error.status?.signal, 'SIGKILL')
        assert.equal(String(error.stdout), 'part')
      }),
    )
  })

  it('a source of things that are no bytes is refused', async () => {
    await assert.rejects(
      command('cat')
        .stdin(Stdio.from([7] as unknown as string[]))
        .output(),
      { code: 'ERR_STDIO' },
    )
  })

  // ── stdout to anything ──────────────────────────────────────────────────────────────────────────────────

  it('writes stdout to anything writable, and ends it', async () => {
    const chunks: string[] = []
    const collect = new Writable({
      write: (chunk, _encoding, callback) => {
        chunks.push(String(chunk))
        callback()
      },
    })
    const web: string[] = []
    let closed = false
    const webTarget = new WritableStream<Uint8Array>({
      write: (chunk) => void web.push(Buffer.from(chunk).toString()),
      close: () => {
        closed = true
      },
    })
    const calls: string[] = []
    await sh('echo node').stdout(Stdio.to(collect)).status()
    await sh('echo web').stdout(Stdio.to(webTarget)).status()
    await sh('echo call >&2')
      .stderr(Stdio.to((chunk) => calls.push(String(chunk))))
      .status()
    assert.deepEqual([chunks.join(''), web.join(''), calls.join('')], ['node\n', 'web\n', 'call\n'])
    assert.ok(collect.writableFinished && closed)
  })

  it('a file is complete when wait() is over', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inlinux-'))
    const file = createWriteStream(join(folder, 'out'))
    await sh('yes 0123456 | head -c 3000000').stdout(Stdio.to(file)).status()
    assert.equal(readFileSync(join(folder, 'out')).length, 3_000_000)
    rmSync(folder, { recursive: true })
  })

  it('one target for both keeps the order', async () => {
    const seen: string[] = []
    const target = (chunk: Buffer): unknown => seen.push(String(chunk))
    await sh('for i in 1 2 3; do echo o$i; echo e$i >&2; done')
      .stdout(Stdio.to(target))
      .stderr(Stdio.to(target))
      .status()
    assert.equal(seen.join(''), 'o1\ne1\no2\ne2\no3\ne3\n')
  })

  it('a slow target slows the program down', async () => {
    let taken = 0
    const child = await command('yes')
      .stdout(
        Stdio.to(async (chunk) => {
          taken += chunk.length
          await pause(20)
        }),
      )
      .spawn()
    await pause(300)
    child.kill('SIGKILL')
    const before = taken
    await child.wait()
    assert.ok(before < 20 * 65_536, `${before} bytes in 15 steps`)
    assert.ok(taken - before < 2 << 20, 'the rest is what was in the pipes')
  })

  it('a target that fails is an error, a target whose reader left is not', async () => {
    const failing = new Writable({ write: (_chunk, _encoding, callback) => callback(new Error('disk full')) })
    await assert.rejects(
      command('yes').stdout(Stdio.to(failing)).status(),
      commandError((error) => {
        assert.equal((error.cause as Error).message, 'disk full')
        assert.equal(error.status?.signal, 'SIGPIPE')
      }),
    )
    const leaving = new PassThrough()
    leaving.once('data', () => leaving.destroy())
    assert.equal((await command('yes').stdout(Stdio.to(leaving)).status()).signal, 'SIGPIPE')
  })

  it('a target that is closed already starts nothing', async () => {
    const closed = new PassThrough().end()
    await assert.rejects(
      command('touch').arg('/tmp/inlinux-must-not-exist').stdout(Stdio.to(closed)).status(),
      invalid,
    )
    await assert.rejects(
      command('cat')
        .arg('/tmp/inlinux-must-not-exist')
        .output()
        .then(({ status }) => assert.ok(status.success)),
    )
  })

  // ── results ─────────────────────────────────────────────────────────────────────────────────────────────

  it('a program that fails is a result, not an error', async () => {
    assert.deepEqual(await sh('exit 3').status(), { code: 3, signal: null, success: false })
    const { status, stdout, stderr } = await sh('echo out; echo err >&2; kill -KILL $$').output()
    assert.deepEqual(
      [status, String(stdout), String(stderr)],
      [{ code: null, signal: 'SIGKILL', success: false }, 'out\n', 'err\n'],
    )
  })

  it('output() has no stdin, status() no pipes', async () => {
    assert.equal(await stdoutOf(command('cat')), '')
    assert.equal(await stdoutOf(command('cat').stdin(Stdio.piped())), '')
    assert.ok((await sh('yes | head -c 1000000').stdin(Stdio.piped()).stdout(Stdio.piped()).status()).success)
  })

  it('wait() can be called early, late and often', async () => {
    const child = await command('cat').stdin(Stdio.piped()).stdout(Stdio.null()).spawn()
    const early = child.wait()
    child.stdin.end('x')
    assert.deepEqual(await early, await child.wait())
  })

  it('has null where nothing is piped', async () => {
    const child = await command('true').stdin(Stdio.null()).stdout(Stdio.null()).stderr(Stdio.null()).spawn()
    assert.deepEqual([child.stdin, child.stdout, child.stderr], [null, null, null])
    assert.ok(child.pid > 0)
    await child.wait()
  })

  it('a wrong signal name is refused', async () => {
    const child = await command('cat').stdin(Stdio.piped()).stdout(Stdio.null()).spawn()
    assert.throws(() => child.kill('TERM'), invalid)
    assert.throws(() => child.kill(65), invalid)
    assert.ok(child.kill('SIGKILL'))
    await child.wait()
  })

  // ── a program that cannot be started ────────────────────────────────────────────────────────────────────

  it('tells what could not be done', async () => {
    const check = (some: Command, code: string, step: string, words: RegExp): Promise<void> =>
      assert.rejects(
        some.output(),
        commandError((error) => {
          assert.deepEqual([error.code, error.step], [code, step])
          assert.match(error.message, words)
          assert.equal(error.timedOut || error.isCanceled, false)
        }),
      )
    await check(command('no-such-program').arg('x'), 'ENOENT', 'exec', /^spawn no-such-program ENOENT$/)
    await check(sh('').currentDir('/no/such'), 'ENOENT', 'chdir', /cannot enter the directory \/no\/such/)
    await check(sh('').user('nobody-here'), 'EINVAL', 'user', /cannot become the user nobody-here/)
  })

  // ── timeout and abort ───────────────────────────────────────────────────────────────────────────────────

  it('a timeout kills the whole process group and tells how far it came', async () => {
    await assert.rejects(
      sh('sleep 30 & echo $!; wait').timeout(200).output(),
      commandError((error) => {
        assert.ok(error.timedOut && !error.isCanceled)
        assert.equal(error.code, 'ETIMEDOUT')
        assert.deepEqual(error.status, { code: null, signal: 'SIGKILL', success: false })
        const descendant = String(error.stdout).trim()
        assert.match(descendant, /^\d+$/)
        assert.ok(!isRunning(descendant), 'the descendant runs on')
      }),
    )
  })

  it('a timeout also ends the waiting for a descendant that holds the pipe', async () => {
    await assert.rejects(
      sh('setsid sleep 5 & echo early; exit 4').timeout(300).output(),
      commandError((error) => {
        assert.ok(error.timedOut)
        assert.equal(error.status?.code, 4)
        assert.equal(String(error.stdout), 'early\n')
      }),
    )
  })

  it('an abort carries its reason', async () => {
    const reason = new Error('changed my mind')
    const controller = new AbortController()
    const running = command('sleep').arg('30').signal(controller.signal).status()
    setTimeout(() => controller.abort(reason), 50)
    await assert.rejects(
      running,
      commandError((error) => {
        assert.ok(error.isCanceled && !error.timedOut)
        assert.equal(error.cause, reason)
        assert.equal(error.status?.signal, 'SIGKILL')
      }),
    )
  })

  it('an abort before the start starts nothing', async () => {
    await assert.rejects(
      command('true').signal(AbortSignal.abort()).spawn(),
      commandError((error) => {
        assert.ok(error.isCanceled)
        assert.equal(error.status, undefined)
      }),
    )
  })

  it('an abort while output goes to a target that hangs does not hang', async () => {
    const controller = new AbortController()
    const running = sh('echo x')
      .stdout(Stdio.to(() => new Promise(() => {})))
      .signal(controller.signal)
      .status()
    setTimeout(() => controller.abort(), 50)
    await assert.rejects(running, { isCanceled: true })
  })

  it('await using kills what still runs', async () => {
    const child = await sh('sleep 30 & wait').stdout(Stdio.piped()).spawn()
    await child[Symbol.asyncDispose]()
    assert.equal((await child.wait()).signal, 'SIGKILL')
    assert.ok(child.stdout.destroyed)
  })

  it('leaves no listener on what many commands share', async () => {
    const controller = new AbortController()
    const warnings: Error[] = []
    const note = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', note)
    await pause(20) // an earlier command may still be letting go
    const before = process.stderr.listenerCount('error') + process.stderr.listenerCount('close')
    await Promise.all(
      Array.from({ length: 30 }, () =>
        command('true')
          .stdin(Stdio.null())
          .stderr(Stdio.inherit())
          .stdout(Stdio.null())
          .signal(controller.signal)
          .status(),
      ),
    )
    const listeners = (): number =>
      process.stderr.listenerCount('error') + process.stderr.listenerCount('close')
    for (let tries = 0; tries < 250 && listeners() !== before; tries++) await pause(20)
    process.off('warning', note)
    assert.equal(listeners(), before)
    assert.deepEqual(warnings, [])
  })
})

describe('a bare Command', () => {
  const requests: MachineRequest[] = []
  const machines: AgentOnHost[] = []
  let starting: (() => Promise<void>) | undefined

  const isClosed = (machine: AgentOnHost): boolean =>
    machine.process.exitCode !== null || machine.process.signalCode !== null

  /** Closes some time soon, by itself; the test's own time limit is the limit. */
  const closing = async (machine: AgentOnHost): Promise<void> => {
    while (!isClosed(machine)) await pause(20)
  }

  before(() =>
    provideMachines(async (request) => {
      requests.push(request)
      await starting?.()
      const machine = await AgentOnHost.start()
      machines.push(machine)
      return machine
    }),
  )

  it('starts a machine for itself and closes it with its program', async () => {
    const { stdout } = await new Command('echo').arg('hi').image(someImage).memory('256MiB').output()
    assert.equal(String(stdout), 'hi\n')
    assert.deepEqual(requests.at(-1), { image: someImage, memory: '256MiB' })
    assert.ok(isClosed(machines.at(-1) as AgentOnHost))
  })

  it('closes it also when the program does not start', async () => {
    await assert.rejects(new Command('no-such-program').output(), { code: 'ENOENT' })
    assert.ok(isClosed(machines.at(-1) as AgentOnHost))
  })

  it('closes it while nobody has read the output, and the output is still there', async () => {
    const child = await new Command('sh')
      .args(['-c', 'yes | head -c 150000'])
      .stdin(Stdio.null())
      .stdout(Stdio.piped())
      .spawn()
    assert.deepEqual(await child.wait(), { code: 0, signal: null, success: true })
    assert.ok(isClosed(machines.at(-1) as AgentOnHost))
    let bytes = 0
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) bytes += chunk.length
    assert.equal(bytes, 150_000)
  })

  it('keeps it while a descendant writes to a pipe that the caller reads', async () => {
    const child = await new Command('sh')
      .args(['-c', '(sleep 0.3; echo late) & echo early'])
      .stdin(Stdio.null())
      .stdout(Stdio.piped())
      .spawn()
    await child.wait()
    assert.ok(!isClosed(machines.at(-1) as AgentOnHost))
    const seen: string[] = []
    for await (const chunk of child.stdout) seen.push(String(chunk))
    assert.equal(seen.join(''), 'early\nlate\n')
    await closing(machines.at(-1) as AgentOnHost)
  })

  it('does not wait for a descendant that writes to a target', async () => {
    const seen: string[] = []
    const status = await new Command('sh')
      .args(['-c', '(sleep 20; echo late) & echo early'])
      .stdin(Stdio.null())
      .stdout(Stdio.to((chunk) => seen.push(String(chunk))))
      .status()
    assert.ok(status.success)
    assert.deepEqual(seen, ['early\n'])
    assert.ok(isClosed(machines.at(-1) as AgentOnHost))
  })

  it('an abort while the machine boots rejects at once, and the machine is closed when it comes', async () => {
    starting = () => pause(200)
    const controller = new AbortController()
    const running = new Command('true').signal(controller.signal).status()
    setTimeout(() => controller.abort(), 20)
    const start = performance.now()
    await assert.rejects(running, { isCanceled: true })
    assert.ok(performance.now() - start < 150)
    assert.equal(requests.at(-1)?.signal, controller.signal)
    starting = undefined
    const booted = machines.length
    while (machines.length === booted) await pause(20)
    await closing(machines.at(-1) as AgentOnHost)
  })

  it('a machine that does not boot is the error of spawn()', async () => {
    starting = () => Promise.reject(new Error('no kernel'))
    await assert.rejects(new Command('true').spawn(), /no kernel/)
    starting = undefined
  })

  it('the crash of the machine is the error of wait()', async () => {
    const child = await new Command('cat').stdin(Stdio.piped()).stdout(Stdio.piped()).spawn()
    machines.at(-1)?.process.kill('SIGKILL')
    await assert.rejects(child.wait(), { code: 'ERR_INLINUX_MACHINE_CRASHED' })
  })
})
