// Our decoder against another one, iced-x86: which bytes are an instruction, and how long it is. Bytes come in two
// ways: at random behind random prefixes, and from the encodings that the differential tests make of each line.
//
// What counts as an instruction is what CPUID promises (x86-64-v2); everything else that iced knows, VEX and EVEX
// encodings above all, has to be #UD for us.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CpuidFeature, Decoder, DecoderOptions, Formatter, FormatterSyntax, type Instruction } from 'iced-x86'
import { encode } from './differential/encode.ts'
import { Random } from './differential/random.ts'
import { CODE } from './differential/record.ts'
import { testedRows } from './differential/runner.ts'
import { openCore } from './differential/soft.ts'

const UNDEFINED = 0x100
const TOO_LONG = 0x200
const CASES = Number(process.env.INLINUX_DECODER_CASES ?? 400_000)

/** Features that our CPUID promises, in iced's names. */
const PROMISED = new Set([
  ...[
    'INTEL8086',
    'INTEL8086_ONLY',
    'INTEL186',
    'INTEL286',
    'INTEL386',
    'INTEL486',
    'X64',
    'FPU',
    'FPU287',
    'FPU387',
  ],
  ...[
    'FPU287XL_ONLY',
    'CX8',
    'CMPXCHG16B',
    'CMOV',
    'MMX',
    'SSE',
    'SSE2',
    'SSE3',
    'SSSE3',
    'SSE4_1',
    'SSE4_2',
    'POPCNT',
  ],
  ...[
    'FXSR',
    'SYSCALL',
    'RDTSCP',
    'MSR',
    'TSC',
    'MULTIBYTENOP',
    'PAUSE',
    'CLFSH',
    'RDPMC',
    'CPUID',
    'PREFETCHW',
  ],
])

/**
 * Encodings on which the two may disagree, by iced's text; each has a reason.
 * - TZCNT, LZCNT: without BMI and ABM their F3 is ignored, and they are BSF and BSR.
 * - hint space: NOPs on processors without the feature (CET, MPX, CLDEMOTE, PREFETCHIT, PREFETCHWT1, reserved NOPs).
 * - WBNOINVD: WBINVD with an ignored F3.
 * - SYSENTER and SYSEXIT, VM and SMM instructions, far returns of SYSRETD: not part of what we promise.
 */
const ALLOWED =
  /^(tzcnt|lzcnt|endbr|rdssp|bnd|cldemote|prefetch|reservednop|wbnoinvd|nop|(x?release |xacquire )?hint)/

interface Verdict {
  readonly ours: number
  readonly theirs: number
  readonly text: string
}

const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3])
/** Undefined x87 encodings and numbers of control and segment registers: decoded, and #UD when they run. */
function refusedLater(code: Uint8Array): boolean {
  const at = code.findIndex((byte) => !PREFIXES.has(byte) && (byte & 0xf0) !== 0x40)
  return (
    (code[at]! & 0xf8) === 0xd8 ||
    code[at] === 0x8c ||
    code[at] === 0x8e ||
    (code[at] === 0x0f && (code[at + 1]! & 0xfc) === 0x20)
  )
}

function theirVerdict(decoder: Decoder): { instruction: Instruction; valid: boolean; features: string[] } {
  const instruction = decoder.decode()
  const features = [...instruction.cpuidFeatures()].map((feature) => CpuidFeature[feature]!)
  return {
    instruction,
    valid: !instruction.isInvalid && features.every((name) => PROMISED.has(name)),
    features,
  }
}

test('lengths and validity agree with another decoder', (t) => {
  const { exports, memory, guestBase } = openCore(0x100_0000)
  const bytes = new Uint8Array(memory.buffer, guestBase, 32)
  const formatter = new Formatter(FormatterSyntax.Intel)
  const random = new Random('decoder')
  const rows = testedRows().tested
  const registers = new BigUint64Array(16)
  const disagreements = new Map<string, Verdict & { code: string; count: number }>()
  let valid = 0
  for (let i = 0; i < CASES; i++) {
    for (let at = 0; at < 32; at++) bytes[at] = random.next()
    const kind = random.below(4)
    if (kind === 0) bytes.set(encode(random.pick(rows), random, CODE, registers).bytes.slice(0, 32))
    else if (kind === 1) bytes.set([0x0f], random.below(2))
    else if (kind === 2)
      bytes.set([
        random.pick([0x66, 0xf2, 0xf3, 0x48, 0x4f, 0x67]),
        0x0f,
        random.pick([0x38, 0x3a, random.below(256)]),
      ])
    const code = bytes.slice(0, 32)
    const decoder = new Decoder(64, code.subarray(0, 15), DecoderOptions.None)
    const { instruction, valid: promised, features } = theirVerdict(decoder)
    const ours = exports.decodeLength(guestBase)
    const theirs = promised ? instruction.length : UNDEFINED
    instruction.free()
    decoder.free()
    if (promised) valid++
    const agree = promised ? ours === theirs : (ours & (UNDEFINED | TOO_LONG)) !== 0
    if (agree) continue
    const again = new Decoder(64, code.subarray(0, 15), DecoderOptions.None)
    const text = formatter.format(again.decode())
    again.free()
    if (ALLOWED.test(text) || (text === '(bad)' && refusedLater(code))) continue
    const mnemonic = `${text.split(' ')[0]!} [${features.join(' ')}] ${ours & UNDEFINED ? 'ours #UD' : promised ? 'length' : 'ours valid'}`
    const known = disagreements.get(mnemonic)
    if (known) known.count++
    else
      disagreements.set(mnemonic, {
        ours,
        theirs,
        text,
        code: Buffer.from(code.subarray(0, 15)).toString('hex'),
        count: 1,
      })
  }
  t.diagnostic(`${CASES} byte strings, ${valid} of them promised instructions`)
  const list = [...disagreements].map(
    ([name, { code, ours, theirs, text, count }]) =>
      `${count} x ${name}: ${code} "${text}" ours ${ours.toString(16)}, iced ${theirs.toString(16)}`,
  )
  assert.equal(list.length, 0, `\n${list.join('\n')}`)
})
