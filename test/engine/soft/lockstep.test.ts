// Real programs in lock-step with the host's processor: a few seconds' worth for `npm test`; ../../cpu-long/ has more.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { nativeMissing } from './differential/native.ts'
import { compare } from './lockstep/lockstep.ts'
import { differenceOfBrokenCore } from './lockstep/self-check.ts'

const BUSYBOX = '/bin/busybox'
const skip = nativeMissing || (existsSync(BUSYBOX) ? false : 'needs Debian\u2019s busybox-static')

test('sha256sum in blocks: registers and memory equal at each system call', { skip }, async (t) => {
  const { difference, instructions } = await compare([BUSYBOX, 'sha256sum'], {
    input: 'teapot'.repeat(20_000),
  })
  t.diagnostic(`${instructions} instructions`)
  assert.equal(difference, undefined)
})

test('printf with floating-point numbers in single steps: everything equal after each', {
  skip,
}, async (t) => {
  const program = [BUSYBOX, 'printf', '%f %e %g %.30f\\n', '3.14159265358979', '1e300', '1e-5', '0.1']
  const { difference, steps } = await compare(program, { from: 0 })
  t.diagnostic(`${steps} steps`)
  assert.equal(difference, undefined)
})

test('a difference is found, and named by its instruction', { skip }, async () => {
  assert.match(
    await differenceOfBrokenCore(BUSYBOX),
    /^after \d+ steps and \d+ system calls:\n {2}[0-9a-f]+: [0-9a-f]+ {2}\S/,
  )
})
