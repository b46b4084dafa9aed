// The table of real programs: each row runs natively and in a machine, and stdout, stderr and exit code must be equal,
// byte for byte. What a row cannot help to differ in (addresses, speed) it does not print.
import type { Work } from './sides.ts'

export interface Case extends Work {
  readonly name: string
  readonly group: Group
  /** The exit code that both sides must have; 0 if not given. */
  readonly exits?: number
}

/** `INLINUX_PROGRAMS_GROUP` takes one or several of them, separated by commas. */
export type Group = 'quick' | 'programs' | 'compilers' | 'python' | 'python-system'

const CFLAGS = '-w -pthread -mcx16'
const compiled = (name: string, flags: string, group: Group = 'compilers', args = ''): Case => ({
  name: `gcc ${flags}: ${name}.c`,
  group,
  script: `gcc ${CFLAGS} ${flags} -o program c/${name}.c -lm -lquadmath && ulimit -c 0 && exec ./program ${args}`,
  timeoutSeconds: 300,
})
const script = (run: string, file: string, group: Group = 'programs', timeoutSeconds = 180): Case => ({
  name: `${run.split(' ')[0]}: ${file}`,
  group,
  script: `exec ${run} ${file}`,
  timeoutSeconds,
})
const line = (name: string, text: string, stdin?: string): Case => ({
  name,
  group: 'quick',
  script: text,
  ...(stdin === undefined ? {} : { stdin }),
  timeoutSeconds: 60,
})

/** One file of Python's own tests, with the seconds that it may take in the machine. */
const pythonTest = (name: string, seconds: number, group: Group = 'python'): Case => ({
  name: `python3 -m test ${name}`,
  group,
  script: `exec python3 python/run_tests.py ${seconds} ${name}`,
  timeoutSeconds: seconds + 30,
})

export const cases: readonly Case[] = [
  { ...line('exit code and both streams', 'echo out; echo err >&2; exit 42'), exits: 42 },
  line('stdin through a pipeline', 'tr a-z A-Z | rev | sort', 'one\ntwo\nthree\n'),
  line(
    'awk floating point',
    `awk 'BEGIN { for (i = 1; i < 500; i++) s += sin(i) * exp(-i / 99); printf "%.17g\\n", s }'`,
  ),
  line('sha256sum of a megabyte', 'yes inlinux | head -c 1000000 | sha256sum'),
  line('sort and uniq', 'seq 1 4000 | sed "s/.$//" | sort -r | uniq -c | tail -3; echo $RANDOM | wc -l'),
  line(
    'perl',
    `perl -e 'printf "%s %.15g %d\\n", join(",", map { $_ ** 2 } 1 .. 9), exp(1) / 3, 0xff; print reverse("abc") . "\\n"'`,
  ),
  line(
    'python3',
    `python3 -c 'import math, json; print(math.pi ** 7, json.dumps([0.1 + 0.2, 2 ** 100]), hash(1.5))'`,
  ),
  line(
    'sqlite3',
    `sqlite3 :memory: 'with recursive n(i) as (select 1 union all select i+1 from n where i < 300) select sum(i / 7.0), count(*) from n'`,
  ),
  line('openssl digest', 'seq 1 5000 | openssl dgst -sha512'),
  line(
    'node',
    `node -e 'console.log([1.5, 2n ** 70n, /a(b+)/.exec("xabb")[1], Math.sin(1), JSON.stringify({a: [null]})].join())'`,
  ),
  line(
    'git',
    'git init -q -b main . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git log --format=%s',
  ),
  { ...compiled('assembly', '-O1', 'quick'), timeoutSeconds: 90 },
  { ...script('bash', 'shell/bash.sh', 'quick'), exits: 3 },
  { ...script('dash', 'shell/posix.sh', 'quick'), exits: 42 },

  script('bash', 'shell/coreutils.sh'),
  { ...script('bash', 'shell/awk.sh'), exits: 5 },
  script('bash', 'shell/many-processes.sh'),
  { ...script('perl', 'perl/language.pl'), exits: 4 },
  script('python3', 'python/floats.py'),
  script('python3', 'python/texts.py'),
  script('python3', 'python/bytes.py'),
  script('python3', 'python/processes.py'),
  { ...script('node', 'node/language.mjs'), exits: 5 },
  script('node', 'node/platform.mjs'),
  { ...script('sqlite3', ':memory:'), script: 'exec sqlite3 :memory: < sqlite/database.sql', exits: 1 },
  script('bash', 'sqlite/file.sh'),
  script('bash', 'openssl/crypto.sh'),
  script('bash', 'openssl/speed.sh'),
  script('bash', 'git/history.sh'),

  script('bash', 'c/build.sh', 'compilers', 300),
  compiled('floats', '-O1'),
  compiled('longdoubles', '-O1'),
  compiled('floats', '-O0 -frounding-math'),
  ...['-O0', '-O1', '-O2', '-O3'].map((level) => compiled('compute', level)),
  compiled('compute', '-O2 -mfpmath=387'),
  compiled('compute', '-O3 -msse4.2 -ffast-math'),
  compiled('integers', '-O0'),
  compiled('integers', '-O2'),
  compiled('integers', '-O3 -msse4.2'),
  compiled('strings', '-O2'),
  { ...compiled('signals', '-O1'), exits: 134 },
  compiled('threads', '-O2'),
  compiled('memory', '-O1'),
  compiled('vectors', '-O0 -msse4.2'),
  compiled('vectors', '-O2 -msse4.2'),

  pythonTest('test_math', 600),
  pythonTest('test_float', 300),
  pythonTest('test_long', 900),
  pythonTest('test_struct', 300),
  pythonTest('test_re', 400),
  pythonTest('test_json', 600),
  pythonTest('test_zlib', 400),
  pythonTest('test_hashlib', 400),

  pythonTest('test_threading', 600, 'python-system'),
  pythonTest('test_subprocess', 900, 'python-system'),
  pythonTest('test_socket', 900, 'python-system'),
  pythonTest('test_os', 600, 'python-system'),
  pythonTest('test_mmap', 200, 'python-system'),
  pythonTest('test_signal', 400, 'python-system'),
  pythonTest('test_time', 200, 'python-system'),
]
