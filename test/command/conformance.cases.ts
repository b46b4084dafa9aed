// What a child process is, as a table: each case does something with programs and returns what it saw. The runner
// compares the answer of node:child_process with that of Command. No case says what is right: Linux does.
import { digest, failure, pause, read, readUntil, run, type Side, scratch, sh } from './conformance.ts'

export interface Case {
  readonly name: string
  run(side: Side): Promise<unknown>
}

const MIB = 1 << 20
const every_byte = Uint8Array.from({ length: 256 }, (_, index) => index)
/** A MiB that repeats nowhere nearby, so that a lost or doubled piece shows. */
const noise = Uint8Array.from({ length: MIB }, (_, index) => ((index * 2654435761) >>> 24) ^ index)

const EXIT_CODES = [0, 1, 2, 3, 63, 64, 125, 126, 127, 128, 129, 130, 137, 143, 254, 255]
const DEADLY = [
  'HUP',
  'INT',
  'QUIT',
  'ABRT',
  'KILL',
  'USR1',
  'SEGV',
  'USR2',
  'PIPE',
  'ALRM',
  'TERM',
  'SYS',
  'XCPU',
]
const FROM_OUTSIDE = ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGHUP', 'SIGUSR1', 15, 9]

const args_seen = 'printf "%s|" "$#" "$@"'
const odd_arguments: Readonly<Record<string, readonly string[]>> = {
  'with spaces': ['a b', ' lead', 'trail '],
  'that are empty': ['', 'x', ''],
  'in UTF-8': ['grüße', '你好', '🐱'],
  'with newlines and tabs': ['a\nb', '\n', '\tc\r'],
  'that a shell would expand': ['*', '$HOME', '`id`', '"q"', "it's", '\\', '~', '&& x', '#'],
  'that look like options': ['-', '--', '-c', '--help'],
}
const odd_values: Readonly<Record<string, string>> = {
  SPACES: ' a  b ',
  EQUALS: 'a=b=c',
  NEWLINE: 'a\nb',
  EMPTY: '',
  UNICODE: 'käse 你好 🐱',
  QUOTES: `"'\\$\``,
  lower: 'case',
  'with.dots-and-dashes': 'yes',
  _: 'underscore',
}

export const cases: readonly Case[] = [
  // ── exit status ───────────────────────────────────────────────────────────────────────────────────────────
  ...EXIT_CODES.map((code) => ({ name: `exit code ${code}`, run: (side: Side) => sh(side, `exit ${code}`) })),
  { name: 'an exit code above 255 wraps', run: (side) => sh(side, 'exit 256') },
  {
    name: 'true and false',
    run: async (side) => [await run(side, 'true', []), await run(side, 'false', [])],
  },
  ...DEADLY.map((name) => ({
    name: `death by its own SIG${name}`,
    run: (side: Side) => sh(side, `kill -${name} $$`),
  })),
  {
    name: 'the exit code of a shell whose child died by a signal',
    run: (side) => sh(side, '(kill -TERM $(exec sh -c "echo \\$PPID")); echo $?'),
  },

  // ── signals from outside ──────────────────────────────────────────────────────────────────────────────────
  ...FROM_OUTSIDE.map((signal) => ({
    name: `kill with ${signal}`,
    run: async (side: Side) => {
      const child = await side.spawn('sh', ['-c', 'echo ready; exec sleep 30'])
      await readUntil(child.stdout, 'ready')
      return [child.kill(signal), await child.ended]
    },
  })),
  {
    name: 'a trap handler runs and decides the exit code',
    run: async (side) => {
      const child = await side.spawn('sh', [
        '-c',
        'trap "echo caught; exit 7" TERM; echo ready; while :; do sleep 0.05; done',
      ])
      await readUntil(child.stdout, 'ready\n')
      child.kill('SIGTERM')
      return [await child.ended, String(await read(child.stdout))]
    },
  },
  {
    name: 'an ignored signal changes nothing',
    run: async (side) => {
      const child = await side.spawn('sh', ['-c', 'trap "" TERM; echo ready; read x; exit 5'])
      await readUntil(child.stdout, 'ready\n')
      child.kill('SIGTERM')
      child.stdin?.end('go\n')
      return child.ended
    },
  },
  {
    name: 'a signal reaches the program only, not its children',
    run: async (side) => {
      const child = await side.spawn('sh', ['-c', '(sleep 1.5; echo survived) & echo ready; wait'])
      await readUntil(child.stdout, 'ready\n')
      child.kill('SIGTERM')
      return [await child.ended, String(await read(child.stdout))]
    },
  },
  {
    name: 'stopped before it sees any input, and continued',
    run: async (side) => {
      const results: unknown[] = []
      // Signals and input have ways of their own; again and again, for one must not overtake the other.
      for (let i = 0; i < 10; i++) {
        const child = await side.spawn('cat', [])
        child.kill('SIGSTOP')
        child.stdin?.end('hello')
        await pause(20)
        const early = child.stdout.read()
        child.kill('SIGCONT')
        results.push(early, String(await read(child.stdout)), await child.ended)
      }
      return results
    },
  },
  {
    name: 'signal 0 tests for life',
    run: async (side) => {
      const child = await side.spawn('cat', [])
      const alive = child.kill(0)
      child.stdin?.end()
      await child.ended
      return [alive, child.kill(0), child.kill('SIGTERM')]
    },
  },
  {
    name: 'nothing is blocked or ignored in a new program',
    run: (side) => sh(side, 'grep -E "Sig(Blk|Ign)" /proc/self/status'),
  },

  // ── stdin ─────────────────────────────────────────────────────────────────────────────────────────────────
  { name: 'an empty stdin ends at once', run: (side) => run(side, 'cat', []) },
  { name: 'stdin from /dev/null', run: (side) => run(side, 'wc', ['-c'], { stdin: 'null' }) },
  { name: 'text through cat', run: (side) => run(side, 'cat', [], { input: 'one\ntwo' }) },
  { name: 'every byte through cat', run: (side) => run(side, 'cat', [], { input: every_byte }) },
  {
    name: 'a MiB through cat',
    run: async (side) => {
      const { stdout, ...rest } = await run(side, 'cat', [], { input: noise })
      return { ...rest, length: stdout.length, digest: digest(Buffer.from(stdout, 'latin1')) }
    },
  },
  { name: 'a MiB into wc', run: (side) => run(side, 'wc', ['-c'], { input: noise }) },
  { name: 'a MiB into md5sum', run: (side) => run(side, 'md5sum', [], { input: noise }) },
  {
    name: 'half-close: output goes on after the end of stdin',
    run: (side) => sh(side, 'cat >/dev/null; echo after; sleep 0.05; echo later', { input: 'x' }),
  },
  {
    name: 'a conversation, line by line',
    run: async (side) => {
      const child = await side.spawn('sh', ['-c', 'while read x; do echo "<$x>"; done; echo bye'])
      const answers: string[] = []
      for (const word of ['a', 'b', 'c d']) {
        child.stdin?.write(`${word}\n`)
        answers.push(await readUntil(child.stdout, '>\n'))
      }
      child.stdin?.end()
      return [answers, String(await read(child.stdout)), await child.ended]
    },
  },
  {
    name: 'a program that reads only the beginning',
    run: (side) => run(side, 'head', ['-c', '3'], { input: 'abcdef' }),
  },
  { name: 'a program that never reads a big stdin', run: (side) => run(side, 'true', [], { input: noise }) },
  {
    name: 'writing to a program that has closed stdin: EPIPE',
    run: async (side) => {
      const child = await side.spawn('sh', ['-c', 'exec <&-; echo closed; sleep 1'])
      await readUntil(child.stdout, 'closed\n')
      await pause(200)
      const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) =>
        child.stdin?.write('x', resolve),
      )
      return [error?.code, await child.ended]
    },
  },
  {
    name: 'exit with stdin still open',
    run: async (side) => {
      const child = await side.spawn('sh', ['-c', 'exit 6'])
      return child.ended
    },
  },
  {
    name: 'destroying stdin is an end of file',
    run: async (side) => {
      const child = await side.spawn('cat', [])
      child.stdin?.destroy()
      return [await child.ended, String(await read(child.stdout))]
    },
  },
  {
    name: 'many small writes arrive whole and in order',
    run: async (side) => {
      const child = await side.spawn('md5sum', [])
      for (let i = 0; i < 2000; i++) child.stdin?.write(`${i},`)
      child.stdin?.end()
      return [String(await read(child.stdout)), await child.ended]
    },
  },

  // ── stdout and stderr ─────────────────────────────────────────────────────────────────────────────────────
  { name: 'stdout and stderr are apart', run: (side) => sh(side, 'echo out; echo err >&2; echo out2') },
  { name: 'no output', run: (side) => run(side, 'true', []) },
  { name: 'output without a newline', run: (side) => run(side, 'printf', ['x']) },
  { name: 'NUL bytes and broken UTF-8', run: (side) => run(side, 'printf', ['a\\0b\\377\\200c']) },
  {
    name: '4 MiB of output',
    run: async (side) => {
      const { stdout, ...rest } = await sh(side, 'yes 0123456789abcdef | head -c 4194304')
      return { ...rest, digest: digest(stdout), length: stdout.length }
    },
  },
  {
    name: 'a lot on both at once',
    run: async (side) => {
      const { stdout, stderr, ...rest } = await sh(
        side,
        'yes out | head -c 300000 & yes err | head -c 300000 >&2; wait',
      )
      return { ...rest, stdout: digest(stdout), stderr: digest(stderr) }
    },
  },
  {
    name: 'a full stderr does not hold up stdout',
    run: async (side) => {
      const child = await side.spawn('sh', ['-c', 'yes err | head -c 500000 >&2 & echo done'])
      const stdout = await readUntil(child.stdout, 'done\n')
      const stderr = await read(child.stderr)
      return [stdout, stderr.length, await child.ended]
    },
  },
  {
    name: 'output is complete although the program is long gone',
    run: async (side) => {
      const child = await side.spawn('head', ['-c', '60000', '/dev/zero'])
      const ended = await child.ended
      await pause(100)
      return [ended, (await read(child.stdout)).length]
    },
  },
  {
    name: 'output is complete although nobody read it while it was made',
    run: async (side) => {
      const child = await side.spawn('head', ['-c', '700000', '/dev/zero'])
      await pause(150)
      return [(await read(child.stdout)).length, await child.ended]
    },
  },
  {
    name: 'a program may close stdout and go on',
    run: async (side) => {
      const child = await side.spawn('sh', ['-c', 'echo x; exec >&-; read y; echo "$y" >&2; exit 4'])
      const stdout = String(await read(child.stdout)) // ends before the program does
      child.stdin?.end('late\n')
      return [stdout, String(await read(child.stderr)), await child.ended]
    },
  },
  {
    name: 'SIGPIPE when the reader goes',
    run: async (side) => {
      const child = await side.spawn('yes', [])
      await readUntil(child.stdout, 'y')
      child.stdout.destroy()
      return child.ended
    },
  },
  {
    name: 'EPIPE when SIGPIPE is ignored',
    run: async (side) => {
      const child = await side.spawn('sh', ['-c', 'trap "" PIPE; read x; echo lost; exit 3'])
      child.stdout.destroy()
      await pause(200)
      child.stdin?.end('go\n')
      return [await child.ended, /broken pipe/i.test(String(await read(child.stderr)))]
    },
  },
  {
    name: 'closing stdout does not disturb stderr',
    run: async (side) => {
      const child = await side.spawn('sh', ['-c', 'read x; echo still >&2; exit 2'])
      child.stdout.destroy()
      child.stdin?.end('go\n')
      return [String(await read(child.stderr)), await child.ended]
    },
  },

  // ── arguments and environment ─────────────────────────────────────────────────────────────────────────────
  ...Object.entries(odd_arguments).map(([name, args]) => ({
    name: `arguments ${name}`,
    run: (side: Side) => run(side, 'sh', ['-c', args_seen, 'sh', ...args]),
  })),
  { name: 'no arguments', run: (side) => run(side, 'sh', ['-c', args_seen]) },
  {
    name: '3000 arguments',
    run: (side) => run(side, 'sh', ['-c', 'echo $#', 'sh', ...Array(3000).fill('argument')]),
  },
  {
    name: 'an argument of 100 KiB',
    run: (side) => run(side, 'sh', ['-c', 'expr length "$1"', 'sh', 'x'.repeat(102_400)]),
  },
  {
    name: 'an argument that no kernel takes',
    run: async (side) => {
      const { code } = (await failure(run(side, 'echo', ['x'.repeat(200_000)]))) as { code: string }
      return code
    },
  },
  {
    name: 'argv[0] of its own',
    run: (side) => run(side, 'sh', ['-c', 'cat /proc/$$/cmdline; :'], { arg0: 'another name' }),
  },
  {
    name: 'argv[0] is the program as given',
    run: (side) => run(side, `sh`, ['-c', 'echo "$0"; cat /proc/$$/cmdline; :']),
  },
  {
    name: 'the environment is exactly what was given',
    run: (side) => run(side, '/bin/busybox', ['env'], { env: { A: '1', B: '2' } }),
  },
  { name: 'an empty environment', run: (side) => run(side, '/bin/busybox', ['env'], { env: {} }) },
  {
    name: 'odd values in the environment',
    run: async (side) => {
      const { stdout } = await run(side, '/bin/busybox', ['cat', '/proc/self/environ'], { env: odd_values })
      return stdout.split('\0').sort()
    },
  },
  { name: 'HOME and PATH as given', run: (side) => sh(side, 'echo "$HOME"; test -n "$PATH"; echo $?') },

  // ── directories, users, limits ────────────────────────────────────────────────────────────────────────────
  { name: 'the working directory', run: (side) => run(side, 'pwd', [], { cwd: '/proc' }) },
  {
    name: 'a working directory with an odd name',
    run: async (side) => run(side, 'pwd', [], { cwd: `${await scratch(side, 'mkdir "a b ü"')}/a b ü` }),
  },
  {
    name: 'a working directory that does not exist',
    run: (side) => failure(run(side, 'pwd', [], { cwd: '/no/such' })),
  },
  {
    name: 'a working directory that is a file',
    run: (side) => failure(run(side, 'pwd', [], { cwd: '/proc/version' })),
  },
  {
    name: 'a relative program is looked up in the working directory',
    run: async (side) =>
      run(side, './tool', ['x'], {
        cwd: await scratch(side, 'printf "#!/bin/sh\\necho here $1" > tool; chmod 755 tool'),
      }),
  },
  { name: 'umask', run: (side) => sh(side, 'umask') },
  { name: 'the user', run: (side) => sh(side, 'id -u; id -g') },
  {
    name: 'no descriptors but the first three',
    run: (side) => sh(side, 'cd /proc/$$/fd; echo ? ??'),
  },
  {
    name: 'a session and a process group of its own',
    run: (side) => sh(side, 'set -- $(cat /proc/$$/stat); test $5 = $$ && test $6 = $$ && echo own'),
  },
  { name: 'no controlling terminal', run: (side) => sh(side, 'set -- $(cat /proc/$$/stat); echo $7') },

  // ── finding the program ───────────────────────────────────────────────────────────────────────────────────
  {
    name: 'ENOENT: no such program in PATH',
    run: (side) => failure(run(side, 'no-such-program', ['a', 'b'])),
  },
  { name: 'ENOENT: no such path', run: (side) => failure(run(side, '/no/such/program', [])) },
  { name: 'EACCES: a directory', run: (side) => failure(run(side, '/proc', [])) },
  {
    name: 'EACCES: not executable',
    run: async (side) =>
      failure(run(side, `${await scratch(side, 'echo > plain; chmod 644 plain')}/plain`, [])),
  },
  {
    name: 'EACCES: found in PATH, but not executable',
    run: async (side) => {
      const folder = await scratch(side, 'echo > plain; chmod 644 plain')
      return failure(run(side, 'plain', [], { env: { PATH: `${side.bin}:${folder}` } }))
    },
  },
  {
    name: 'a file in PATH that is not executable does not hide one that is',
    run: async (side) => {
      const folder = await scratch(
        side,
        'mkdir a b; echo > a/tool; printf "#!/bin/sh\\necho b" > b/tool; chmod 755 b/tool',
      )
      return run(side, 'tool', [], { env: { PATH: `${folder}/a:${folder}/b` } })
    },
  },
  {
    name: 'the first of two in PATH',
    run: async (side) => {
      const folder = await scratch(
        side,
        'for d in a b; do mkdir $d; printf "#!/bin/sh\\necho $d" > $d/tool; chmod 755 $d/tool; done',
      )
      return run(side, 'tool', [], { env: { PATH: `${folder}/none:${folder}/a:${folder}/b` } })
    },
  },
  {
    name: 'an empty entry of PATH is the working directory',
    run: async (side) => {
      const cwd = await scratch(side, 'printf "#!/bin/sh\\necho here" > tool; chmod 755 tool')
      return run(side, 'tool', [], { cwd, env: { PATH: `/nowhere::${side.bin}` } })
    },
  },
  {
    name: 'without PATH the standard places are searched',
    run: (side) => run(side, 'busybox', ['echo', 'found'], { env: {} }),
  },
  {
    name: 'an empty PATH finds nothing in /',
    run: (side) => failure(run(side, 'no-such-program', [], { env: { PATH: '' } })),
  },
  { name: 'ENOTDIR: a path through a file', run: (side) => failure(run(side, '/proc/version/x', [])) },
  { name: 'ENAMETOOLONG', run: (side) => failure(run(side, 'x'.repeat(300), [])) },
  {
    name: 'ELOOP: links in a circle',
    run: async (side) => failure(run(side, `${await scratch(side, 'ln -s b a; ln -s a b')}/a`, [])),
  },
  {
    name: 'a script with its interpreter',
    run: async (side) => {
      const script = await scratch(side, 'printf "#!/bin/sh\\necho \\"\\$0\\" \\"\\$@\\"" > s; chmod 755 s')
      return run(side, `${script}/s`, ['x', 'y z'])
    },
  },
  {
    name: 'a script without #! is run by sh',
    run: async (side) =>
      run(side, `${await scratch(side, 'printf "echo plain \\"\\$1\\"" > s; chmod 755 s')}/s`, ['x y']),
  },
  {
    name: 'an empty file is a script that does nothing',
    run: async (side) => run(side, `${await scratch(side, ': > s; chmod 755 s')}/s`, []),
  },
  {
    name: 'ENOENT: the interpreter of a script is missing',
    run: async (side) =>
      failure(run(side, `${await scratch(side, 'echo "#!/no/such/sh" > s; chmod 755 s')}/s`, [])),
  },
  {
    name: 'a link to a program',
    run: async (side) => run(side, `${await scratch(side, 'ln -s /bin/busybox echo')}/echo`, ['linked']),
  },

  // ── many processes ────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'thirty at once',
    run: (side) =>
      Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          sh(side, `sleep 0.0${i % 10}; cat; exit ${i}`, { input: `${i}` }),
        ),
      ),
  },
  {
    name: 'a grandchild that holds the pipe keeps it open',
    run: async (side) => {
      const child = await side.spawn('sh', ['-c', '(sleep 0.3; echo late) & echo early; exit 3'])
      const ended = await child.ended
      const early = await readUntil(child.stdout, 'early\n')
      return [ended, early, String(await read(child.stdout))]
    },
  },
  {
    name: 'a grandchild without the pipe does not',
    run: async (side) => {
      const start = performance.now()
      const result = await sh(side, '(exec sleep 5) <&- >/dev/null 2>&1 & echo $?')
      return [result, performance.now() - start < 4000]
    },
  },
  { name: 'a pipeline inside', run: (side) => sh(side, 'seq 1 1000 | grep 7 | tail -n 3 | tr 7 x') },
  {
    name: 'a program that kills its whole group',
    run: (side) => sh(side, 'sleep 30 & kill -TERM 0; wait'),
  },

  // ── out of time ───────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'a timeout kills; what was written before is not lost',
    run: (side) => sh(side, 'echo before; exec sleep 30', { timeout: 1000 }),
  },
  {
    name: 'a timeout kills a program that ignores signals',
    run: async (side) => {
      const child = await side.spawn(
        'sh',
        ['-c', 'trap "" TERM INT HUP; echo ready; while :; do read x; done'],
        {
          timeout: 1000,
          stdin: 'null',
        },
      )
      return [await readUntil(child.stdout, 'ready'), await child.ended]
    },
  },
  { name: 'a timeout that is not reached', run: (side) => sh(side, 'echo quick', { timeout: 20_000 }) },
  {
    name: 'an abort kills',
    run: async (side) => {
      const controller = new AbortController()
      const child = await side.spawn('sh', ['-c', 'echo ready; exec sleep 30'], { signal: controller.signal })
      const ready = await readUntil(child.stdout, 'ready')
      controller.abort()
      return [ready, await child.ended]
    },
  },
  {
    name: 'an abort after the end changes nothing',
    run: async (side) => {
      const controller = new AbortController()
      const result = await sh(side, 'echo done', { signal: controller.signal })
      controller.abort()
      return result
    },
  },
]
