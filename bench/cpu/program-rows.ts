// The rows of section `programs`, as shell scripts: `prepare` before the clock starts, `run` while it runs, `check` for
// what only becomes visible in files. The working directory has the row's files: what generated.ts makes, or those of
// bench/guest/programs/.
//
// Every row runs in a fresh machine, so the first start of a program reads it from the disk and meets a CPU that has
// never seen its code. Rows called "again" have the same after a first, untimed one.

export interface ProgramRow {
  readonly name: string
  readonly what: string
  readonly files?: readonly string[]
  readonly prepare?: string
  readonly run: string
  readonly check?: string
}

const repeat = (times: number, what: string): string =>
  `i=0; while [ $i -lt ${times} ]; do ${what}; i=$((i + 1)); done`

export const PROGRAM_ROWS: readonly ProgramRow[] = [
  {
    name: 'python-first',
    what: '`python3 -c pass`, the first',
    run: 'python3 -c pass',
  },
  {
    name: 'python-again',
    what: '`python3 -c pass`, 20 times again',
    prepare: 'python3 -c pass',
    run: repeat(20, 'python3 -c pass'),
  },
  {
    name: 'python-work',
    what: 'pure Python: queens, words, objects, sorting',
    files: ['work.py'],
    run: 'python3 work.py 10',
  },
  {
    name: 'gcc',
    what: '`gcc -O2 -c` of 2,000 lines',
    files: ['source.c'],
    run: 'gcc -O2 -c source.c -o source.o',
    check: 'sha256sum source.o',
  },
  {
    name: 'gzip',
    what: '`gzip` of 20 MB',
    files: ['text'],
    run: 'gzip -n -c text >text.gz',
    check: 'sha256sum text.gz',
  },
  {
    name: 'xz',
    what: '`xz -1` of 20 MB',
    files: ['text'],
    run: 'xz -1 -T1 -c text >text.xz',
    check: 'sha256sum text.xz',
  },
  {
    name: 'openssl-sha256',
    what: '`openssl dgst -sha256` of 100 MB',
    files: ['text'],
    run: `${repeat(5, 'cat text')} | openssl dgst -sha256`,
  },
  {
    name: 'openssl-aes',
    what: '`openssl enc -aes-128-cbc` of 40 MB',
    files: ['text'],
    run: `${repeat(2, 'cat text')} | openssl enc -aes-128-cbc -K 000102030405060708090a0b0c0d0e0f -iv 0f0e0d0c0b0a09080706050403020100 >text.aes`,
    check: 'tail -c 4096 text.aes | sha256sum',
  },
  {
    name: 'sqlite',
    what: '`sqlite3`: 62,000 inserts, indexes, queries',
    files: ['work.sql'],
    run: 'sqlite3 data.db <work.sql',
  },
  {
    name: 'git-log',
    what: '`git log -p --stat` of 400 commits',
    files: ['history'],
    prepare: 'git init -q . && git fast-import --quiet <history && git repack -adq',
    run: 'git --no-pager log -p --stat main',
  },
  {
    name: 'node-first',
    what: '`node -e 0`, the first',
    run: 'node -e 0',
  },
  {
    name: 'node-again',
    what: '`node -e 0`, 5 times again',
    prepare: 'node -e 0',
    run: repeat(5, 'node -e 0'),
  },
  {
    name: 'node-work',
    what: 'JavaScript: objects, maps, regexps, matrices, JSON',
    files: ['work.js'],
    run: 'node work.js 4',
  },
  {
    name: 'perl',
    what: 'Perl: regular expressions over 1 MB',
    files: ['text', 'work.pl'],
    run: 'perl work.pl text 1000000',
  },
  {
    name: 'shell',
    what: 'shell loop of 1,000 `/bin/true`',
    run: repeat(1000, '/bin/true'),
  },
]
