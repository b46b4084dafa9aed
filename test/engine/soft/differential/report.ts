// What a difference between the two processors looks like to the person who has to find the cause.

import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86'
import type { Request } from './cases.ts'
import * as R from './record.ts'

export interface Mismatch {
  readonly line: string
  readonly seed: string
  readonly batch: number
  readonly index: number
  /** How our core came to its result. */
  readonly through: string
  readonly request: Request
  readonly mine: Buffer
  readonly host: Buffer
  readonly difference: string
  readonly memory: { readonly mine: Uint8Array; readonly host: Uint8Array }
}

const hex = (value: bigint | number, digits = 0): string => value.toString(16).padStart(digits, '0')
const FLAG_NAMES: [bigint, string][] = [
  ...([
    [1n, 'CF'],
    [4n, 'PF'],
    [0x10n, 'AF'],
    [0x40n, 'ZF'],
    [0x80n, 'SF'],
    [0x100n, 'TF'],
  ] as [bigint, string][]),
  ...([
    [0x400n, 'DF'],
    [0x800n, 'OF'],
    [0x4000n, 'NT'],
    [0x40000n, 'AC'],
    [0x200000n, 'ID'],
  ] as [bigint, string][]),
]
const flagsText = (flags: bigint): string =>
  FLAG_NAMES.filter(([bit]) => flags & bit)
    .map(([, name]) => name)
    .join(' ') || '-'

/** @returns the first field that differs with both values, or undefined when the difference is of no importance */
export function firstDifference(mine: Buffer, host: Buffer): string | undefined {
  const both = (name: string, a: string, b: string): string => `${name}: ours ${a}, host ${b}`
  const u32 = (at: number): [number, number] => [mine.readUInt32LE(at), host.readUInt32LE(at)]
  const u64 = (at: number): [bigint, bigint] => [mine.readBigUInt64LE(at), host.readBigUInt64LE(at)]
  const [vector, hostVector] = u32(R.RESULT.vector)
  if (vector !== hostVector) {
    const text = (v: number, error: number): string =>
      v === R.NO_VECTOR ? 'none' : `#${v} (error ${hex(error)})`
    const [error, hostError] = u32(R.RESULT.error)
    return both('exception', text(vector, error), text(hostVector, hostError))
  }
  for (const [name, at] of [
    ['rip', R.RESULT.rip],
    ['cr2', R.RESULT.cr2],
  ] as const) {
    const [a, b] = u64(at)
    if (a !== b) return both(name, hex(a), hex(b))
  }
  const [error, hostError] = u32(R.RESULT.error)
  if (error !== hostError) return both('error code', hex(error), hex(hostError))
  for (let i = 0; i < 16; i++) {
    const [a, b] = u64(i * 8)
    if (a !== b) return both(R.REGISTER_NAMES[i]!, hex(a, 16), hex(b, 16))
  }
  const [flags, hostFlags] = u64(R.RESULT.rflags)
  if (flags !== hostFlags) {
    const differ = flags ^ hostFlags
    return `${both('rflags', flagsText(flags), flagsText(hostFlags))} (differ in ${flagsText(differ)})`
  }
  const fx = R.RESULT.fxsave
  for (const [name, at, bytes] of [
    ['x87 control', 0, 2],
    ['x87 status', 2, 2],
    ['x87 tags', 4, 1],
    ['mxcsr', 24, 4],
  ] as const) {
    const a = mine.readUIntLE(fx + at, bytes)
    const b = host.readUIntLE(fx + at, bytes)
    if (a !== b) return both(name, hex(a), hex(b))
  }
  const reversed = (from: Buffer, at: number, bytes: number): string =>
    Buffer.from(from.subarray(at, at + bytes))
      .reverse()
      .toString('hex')
  for (let i = 0; i < 8; i++) {
    const [a, b] = [reversed(mine, fx + 32 + 16 * i, 10), reversed(host, fx + 32 + 16 * i, 10)]
    if (a !== b) return both(`st${i}`, a, b)
  }
  for (let i = 0; i < 16; i++) {
    const [a, b] = [reversed(mine, fx + 160 + 16 * i, 16), reversed(host, fx + 160 + 16 * i, 16)]
    if (a !== b) return both(`xmm${i}`, a, b)
  }
  const [hash, hostHash] = u32(R.RESULT.memoryHash)
  const [changed, hostChanged] = u32(R.RESULT.wordsChanged)
  if (hash !== hostHash || changed !== hostChanged) return 'memory differs'
  return undefined
}

/** A page of text: what was run, what differs, from which state. */
export function describe(mismatch: Mismatch): string {
  const { request, line, seed, batch, index, through, difference, memory } = mismatch
  const { view } = request
  const length = view.getUint32(R.REQUEST.codeLength, true)
  const rip = view.getBigUint64(R.REQUEST.rip, true)
  const code = request.bytes.slice(R.REQUEST.code, R.REQUEST.code + length)
  const lines = [
    `${line.replace(/\s+/g, ' ')}    seed ${seed}, batch ${batch}, case ${index}, ${through}`,
    `  ${Buffer.from(code).toString('hex')}    ${disassemble(code, rip).join('; ')}`,
    `  ${difference}${endOf(mismatch.mine)}`,
    `  rip ${hex(rip)}  rflags ${flagsText(view.getBigUint64(R.REQUEST.rflags, true))}  mask ${hex(view.getBigUint64(R.REQUEST.rflagsMask, true))}`,
  ]
  const words = [...request.registers].map(
    (value, i) => `${R.REGISTER_NAMES[i]!.padEnd(3)} ${hex(value, 16)}`,
  )
  for (let i = 0; i < 16; i += 4) lines.push(`  ${words.slice(i, i + 4).join('  ')}`)
  const fx = R.REQUEST.fxsave
  lines.push(
    `  mxcsr ${hex(view.getUint32(fx + 24, true))}  x87 control ${hex(view.getUint16(fx, true))} status ${hex(view.getUint16(fx + 2, true))} tags ${hex(view.getUint8(fx + 4))}`,
  )
  const patch = view.getUint32(R.REQUEST.patchOffset, true)
  lines.push(
    `  at ${hex(R.DATA + patch)}: ${Buffer.from(request.bytes.slice(R.REQUEST.patch, R.REQUEST.patch + 64)).toString('hex')}`,
  )
  let shown = 0
  for (let i = 0; i < R.DATA_WRITABLE && shown < 8; i++) {
    if (memory.mine[i] === memory.host[i]) continue
    lines.push(
      `  memory ${hex(R.DATA + i)}: ours ${hex(memory.mine[i]!, 2)}, host ${hex(memory.host[i]!, 2)}`,
    )
    shown++
  }
  for (const register of new Set(
    [
      ...disassemble(code, rip)
        .join(' ')
        .matchAll(/xmm(\d+)/g),
    ].map((m) => Number(m[1])),
  )) {
    const at = fx + 160 + 16 * register
    lines.push(
      `  xmm${register} ${Buffer.from(request.bytes.slice(at, at + 16))
        .reverse()
        .toString('hex')}`,
    )
  }
  return lines.join('\n')
}

function endOf(result: Buffer): string {
  const vector = result.readUInt32LE(R.RESULT.vector)
  const at = `, at ${hex(result.readBigUInt64LE(R.RESULT.rip))}`
  return vector === R.NO_VECTOR ? at : `${at} with #${vector}`
}

export function disassemble(code: Uint8Array, rip: bigint): string[] {
  const decoder = new Decoder(64, code, DecoderOptions.None)
  decoder.ip = rip
  const formatter = new Formatter(FormatterSyntax.Intel)
  const list: string[] = []
  while (decoder.canDecode) list.push(formatter.format(decoder.decode()))
  return list
}
