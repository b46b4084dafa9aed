// Real programs in lock-step with the host's processor, the longer form: compression, shells, arbitrary precision,
// sorting, regular expressions, and a C program full of floating point, compiled here.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { nativeMissing } from '../engine/soft/differential/native.ts'
import { compare, type Options } from '../engine/soft/lockstep/lockstep.ts'

const BUSYBOX = '/bin/busybox'
const skip = nativeMissing || (existsSync(BUSYBOX) ? false : 'needs Debian\u2019s busybox-static')
const text = skip ? '' : readFileSync(fileURLToPath(import.meta.url), 'utf8').repeat(20)
const folder = mkdtempSync(path.join(tmpdir(), 'inlinux-lockstep-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const programs: [string, string[], string | Uint8Array][] = [
  ['sha512sum', [], text],
  ['md5sum', [], text],
  ['gzip', ['-c'], text],
  ['gunzip', ['-c'], gzipSync(text)],
  ['bzip2', ['-c'], text],
  ['bc', ['-l'], 'scale=60; 4*a(1); e(1); l(7); s(2); sqrt(2)^13\n'],
  [
    'sh',
    [
      '-c',
      'i=0; while [ $i -lt 2000 ]; do i=$((i*3/2+1)); i=$((i-i/3)); echo $i; [ $i -gt 1500 ] && break; done',
    ],
    '',
  ],
  [
    'awk',
    [
      '{n+=NF; w[$1]++; s+=length($0)/7} END {for (k in w) if (w[k]>50) print k, w[k]; printf "%.17g %e\\n", s, n/3}',
    ],
    text,
  ],
  ['sed', ['-E', 's/([a-z]+) ([a-z]+)/\\2 \\1/g; /^ *$/d'], text],
  ['grep', ['-cE', '(in|out)(put|side)|^const'], text],
  ['sort', ['-r'], text],
  ['xxd', [], text],
  ['base64', [], text],
]

describe('busybox, in blocks', { skip }, () => {
  for (const [name, words, input] of programs) {
    test(name, async (t) => {
      const { difference, instructions, systemCalls } = await compare([BUSYBOX, name, ...words], { input })
      t.diagnostic(`${instructions} instructions, ${systemCalls} system calls`)
      assert.equal(difference, undefined)
    })
  }
})

describe('a C program of floating point', { skip }, () => {
  const source = fileURLToPath(new URL('../../../test/cpu-long/native/floating.c', import.meta.url))
  const variants: [string, string[], Options][] = [
    // x87 functions differ in their last bit between processors: only single steps can make up for that.
    ['long double, in single steps', ['-O2', '-DLONG_DOUBLE'], { from: 0, steps: 400_000 }],
    ['double and float, in blocks', ['-O2'], {}],
    ['vectorized for SSE4.2, in blocks', ['-O3', '-march=x86-64-v2', '-ffast-math'], {}],
  ]
  for (const [name, flags, options] of variants) {
    test(name, async (t) => {
      const program = path.join(folder, name.replace(/\W/g, '-'))
      execFileSync('gcc', [...flags, '-static', '-o', program, source, '-lm'])
      const { difference, steps, instructions } = await compare([program], options)
      t.diagnostic(`${steps} steps, ${instructions} instructions in blocks`)
      assert.equal(difference, undefined)
    })
  }
})
