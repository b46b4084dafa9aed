// `inlinux run` as a program of a shell's pipeline, with the agent on this machine in the place of a machine.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { before, describe, it } from 'node:test'
import { buildAgent } from '../agent/agent-on-host.ts'
import { inlinux, Running, shell } from './inlinux.ts'

before(() => {
  buildAgent()
})

describe('the program of `inlinux run`', () => {
  it('gets the arguments as they are, options and -- too', () => {
    const { stdout, code } = inlinux([
      'run',
      'printf',
      '[%s]',
      '--help',
      '-e',
      'A=B',
      '--',
      '--image',
      '',
      'a b',
    ])
    assert.equal(stdout.toString(), '[--help][-e][A=B][--][--image][][a b]')
    assert.equal(code, 0)
  })

  it('may come after --', () => {
    assert.equal(inlinux(['run', '--', 'echo', '-x']).stdout.toString(), '-x\n')
  })

  it('gets variables, user and directory from the options', () => {
    const words = ['run', '-e', 'A=1', '-e', 'B=two words', '--env', 'C=', '-e', 'D=x=y', '-w', '/usr']
    const { stdout } = inlinux(
      [...words, 'sh', '-c', 'echo "$A|$B|$C|$D|$PWD"; env | grep -c -e ^C= -e ^SECRET='],
      {
        env: { SECRET: 'of the host' },
      },
    )
    assert.equal(stdout.toString(), '1|two words||x=y|/usr\n1\n')
  })

  it('gets a variable of the host by its name, if it is set there', () => {
    const words = ['run', '-e', 'GIVEN', '-e', 'NOT_GIVEN', 'sh', '-c', 'echo "$GIVEN"; env | grep -c GIVEN=']
    assert.equal(inlinux(words, { env: { GIVEN: 'here' } }).stdout.toString(), 'here\n1\n')
  })

  it('has its output and errors apart, and nothing is added to either', () => {
    const { stdout, stderr } = inlinux(['run', 'sh', '-c', 'printf out; printf err >&2'])
    assert.equal(stdout.toString(), 'out')
    assert.equal(stderr, 'err')
  })

  it('reads and writes any bytes', () => {
    const input = randomBytes(3_000_001)
    const { stdout } = inlinux(['run', 'cat'], { input })
    assert.equal(sha256(stdout), sha256(input))
  })

  it('has the memory that was asked for, in any of the usual spellings', () => {
    for (const [size, passed] of [
      ['256MiB', '256MiB'],
      ['512m', '512M'],
      ['1g', '1G'],
      ['1G', '1G'],
    ] as const) {
      const { stderr } = inlinux(['run', '-m', size, 'true'], { env: { TEST_SHOW_REQUEST: '' } })
      assert.deepEqual(JSON.parse(stderr), { image: false, memory: passed })
    }
  })
})

describe('the end of `inlinux run`', () => {
  it('has the exit code of the program', () => {
    for (const code of [0, 1, 7, 125, 255])
      assert.equal(inlinux(['run', 'sh', '-c', `exit ${code}`]).code, code)
  })

  it('is death by the same signal, of whatever kind', () => {
    for (const signal of ['TERM', 'KILL', 'SEGV', 'ABRT', 'USR1', 'PIPE', 'HUP', 'INT', 'QUIT', 'ALRM'])
      assert.equal(inlinux(['run', 'sh', '-c', `kill -${signal} $$`]).signal, `SIG${signal}`, signal)
  })

  it('is 128+n for a real-time signal, which Node cannot send', () => {
    assert.equal(inlinux(['run', 'sh', '-c', 'kill -40 $$; sleep 5']).code, 168)
  })

  it('is 127 when there is no such program, 126 when it is none', () => {
    const missing = inlinux(['run', 'no-such-program'])
    assert.equal(missing.code, 127)
    assert.equal(missing.stderr, 'inlinux: no-such-program: no such file or directory\n')
    const directory = inlinux(['run', '/usr'])
    assert.equal(directory.code, 126)
    assert.equal(directory.stderr, 'inlinux: /usr: permission denied\n')
  })

  it('is 125 when the directory or the user does not exist', () => {
    const directory = inlinux(['run', '-w', '/no/such', 'true'])
    assert.equal(directory.code, 125)
    assert.match(directory.stderr, /^inlinux: true: cannot enter the directory \/no\/such: no such file/)
    const user = inlinux(['run', '-u', 'nobody-by-this-name', 'true'])
    assert.equal(user.code, 125)
    assert.match(user.stderr, /^inlinux: true: cannot become the user nobody-by-this-name/)
  })

  it('is 125 and one line for mistakes in the options', () => {
    const mistakes: [words: string[], said: RegExp][] = [
      [['run', '--no-such-option', 'true'], /unknown option '--no-such-option'/],
      [['run', '--timeout', 'soon', 'true'], /'soon' is invalid\. Write it like 30s/],
      [['run', '-e', '=x', 'true'], /'=x' is invalid/],
      [['run', '--image', '/no/such/image', 'true'], /\/no\/such\/image cannot be read/],
      [['run'], /no PROGRAM given/],
      [['no-such-command'], /unknown command 'no-such-command'/],
    ]
    for (const [words, said] of mistakes) {
      const { code, stdout, stderr } = inlinux(words)
      assert.equal(code, 125)
      assert.equal(stdout.toString(), '')
      assert.match(stderr, said)
      assert.match(stderr, /^inlinux: [^\n]+\n$/)
    }
  })

  it('is 124 after the timeout, and the program is dead', () => {
    const started = performance.now()
    const { code, stderr, stdout } = inlinux(['run', '--timeout', '0.3s', 'sh', '-c', 'echo begun; sleep 60'])
    assert.equal(code, 124)
    assert.equal(stderr, 'inlinux: sh took longer than 300 ms\n')
    assert.equal(stdout.toString(), 'begun\n')
    assert.ok(performance.now() - started < 20_000)
  })

  it('comes although stdin stays open and nobody writes to it', async () => {
    const running = new Running(['run', 'true'])
    assert.deepEqual(await running.ended, { code: 0, signal: null })
  })

  it('comes with its program, although a child of it lives on', () => {
    const started = performance.now()
    assert.equal(inlinux(['run', 'sh', '-c', 'sleep 60 & echo done']).stdout.toString(), 'done\n')
    assert.ok(performance.now() - started < 20_000)
  })
})

describe('`inlinux run` in a pipeline', () => {
  it('passes a long stream through both of its ends', () => {
    const { stdout } = shell('yes 0123456789abcde | head -c 8388608 | $INLINUX run cat | sha256sum')
    const expected = sha256(Buffer.from('0123456789abcde\n'.repeat(524_288)))
    assert.equal(stdout.toString().slice(0, 64), expected)
  })

  it('dies of SIGPIPE when its reader goes away', () => {
    const { stdout, stderr } = shell('{ $INLINUX run yes; echo "ended with $?" >&2; } | head -n 2')
    assert.equal(stdout.toString(), 'y\ny\n')
    assert.equal(stderr, 'ended with 141\n')
  })

  it('works with stdin, stdout or stderr closed', () => {
    assert.equal(shell('$INLINUX run cat <&-').code, 0)
    assert.equal(shell('$INLINUX run true >&-').code, 0)
    assert.equal(shell('$INLINUX run sh -c "echo lost >&2; exit 4" 2>&-').code, 4)
  })

  it('reads a file to its end, and writes one', () => {
    const { stdout } = shell(
      'f=$(mktemp); $INLINUX run wc -c < "$0" > $f; cat $f; rm $f'.replace('$0', process.execPath),
    )
    assert.match(stdout.toString(), /^\d{7,}\n$/)
  })

  it('leaves the pipe as it was for the next program, also when it dies by a signal', () => {
    const { stdout } = shell('{ sleep 2; echo rest; } | { $INLINUX run sh -c "kill -TERM \\$\\$"; cat; }')
    assert.equal(stdout.toString(), 'rest\n')
  })

  it('says that its output cannot be written', () => {
    const { code, stderr } = shell('$INLINUX run echo text > /dev/full')
    assert.equal(code, 125)
    assert.match(stderr, /^inlinux: echo failed: its output could not be written: ENOSPC/)
  })
})

describe('a signal to `inlinux run`', { timeout: 60_000 }, () => {
  it('goes to the program, which may catch it', async () => {
    for (const name of ['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2', 'ALRM']) {
      const script = `trap 'echo caught ${name}; exit 9' ${name}; echo ready; while :; do sleep 0.05; done`
      const running = new Running(['run', 'sh', '-c', script])
      await running.said('ready')
      running.process.kill(`SIG${name}` as NodeJS.Signals)
      assert.deepEqual(await running.ended, { code: 9, signal: null })
      assert.equal(running.stdout, `ready\ncaught ${name}\n`)
    }
  })

  it('that the program does not catch ends both in the same way', async () => {
    const running = new Running(['run', 'sh', '-c', 'echo ready; exec sleep 60'])
    await running.said('ready')
    running.process.kill('SIGTERM')
    assert.deepEqual(await running.ended, { code: null, signal: 'SIGTERM' })
  })

  it('is delivered while the output is stuck, because its reader does not read', async () => {
    const running = new Running(['run', 'sh', '-c', 'echo ready >&2; exec yes'], { isStuck: true })
    await running.said('ready')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    running.process.kill('SIGTERM')
    assert.deepEqual(await running.exited, { code: null, signal: 'SIGTERM' })
    running.process.stdout.resume()
  })

  it('ends it while the machine is still starting', async () => {
    const running = new Running(['run', 'echo', 'never'], { env: { TEST_BOOT_MS: '20000' } })
    await running.said('booting')
    const sent = performance.now()
    running.process.kill('SIGINT')
    assert.deepEqual(await running.ended, { code: null, signal: 'SIGINT' })
    assert.ok(performance.now() - sent < 5_000)
    assert.equal(running.stdout, '')
  })
})

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
