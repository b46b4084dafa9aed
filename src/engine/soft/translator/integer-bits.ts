// Bits of a number: scans, counts, tests, and bytes in the opposite order.

import type { Value } from './frame.ts'
import { bitsOf, by, constant, typeOf, wanted, wideOnly } from './integer-write.ts'
import type { Context, CustomEntry, Customs, Meaning, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'

/** BSF, BSR: a source of 0 leaves the destination as it was. */
function scan(forward: boolean): Meaning {
  return (context, [old, source], bytes) => {
    const { writer } = context
    const { code, flags } = writer
    writer.push(source!)
    if (forward) {
      code.op(by(bytes, op.i64_ctz, op.i32_ctz))
    } else {
      const clz = writer.temporary(typeOf(bytes))
      code.op(by(bytes, op.i64_clz, op.i32_clz))
      code.set(clz)
      constant(context, bytes, bytes === 8 ? 63 : 31)
      code.get(clz)
      code.op(by(bytes, op.i64_sub, op.i32_sub))
    }
    writer.push(old!)
    writer.push(source!)
    if (wanted(context)) code.tee(flags.r(bytes))
    code.op(by(bytes, op.i64_eqz, op.i32_eqz))
    code.op(op.i32_eqz)
    code.op(op.select)
  }
}

function countOnes(context: Context, [source]: readonly Value[], bytes: number): void {
  const { writer } = context
  const { code, flags } = writer
  if (wanted(context)) {
    writer.push(source!)
    code.op(by(bytes, op.i64_eqz, op.i32_eqz))
    code.i32(6) // ZF
    code.op(op.i32_shl)
    code.set(flags.carryLocal)
  }
  writer.push(source!)
  code.op(by(bytes, op.i64_popcnt, op.i32_popcnt))
}

type BitChange = 'set' | 'reset' | 'complement'

/** BT and its kin with a value in a register: how the bit changes, or undefined for BT. */
function bitTest(change: BitChange | undefined): Meaning {
  return (context, [value, index], bytes) => {
    const { writer } = context
    const { code, flags } = writer
    const pushPosition = (): void => {
      if (index!.kind === 'constant') {
        constant(context, bytes, Number(index!.value) & (bitsOf(bytes) - 1))
        return
      }
      writer.push(index!)
      if (bytes === 2) {
        code.i32(15)
        code.op(op.i32_and)
      }
    }
    if (wanted(context)) {
      writer.push(value!)
      pushPosition()
      code.op(by(bytes, op.i64_shr_u, op.i32_shr_u))
      if (bytes === 8) code.op(op.i32_wrap_i64)
      code.i32(1)
      code.op(op.i32_and)
      code.set(flags.carryLocal)
    }
    if (!change) return
    writer.push(value!)
    constant(context, bytes, 1)
    pushPosition()
    code.op(by(bytes, op.i64_shl, op.i32_shl))
    if (change === 'reset') {
      constant(context, bytes, -1)
      code.op(by(bytes, op.i64_xor, op.i32_xor))
      code.op(by(bytes, op.i64_and, op.i32_and))
    } else {
      code.op(change === 'set' ? by(bytes, op.i64_or, op.i32_or) : by(bytes, op.i64_xor, op.i32_xor))
    }
  }
}

/** BT with its bit's number in a register: E in a register only, for memory would be a bit string. */
function bitTestRegister(change: BitChange | undefined): CustomEntry {
  return {
    accepts: ({ handler }) => handler!.form === 'r',
    translate: (context) => {
      const { writer, operation } = context
      const bytes = operation.handler!.size
      const value = writer.registerValue(operation.e, bytes)
      const index = writer.registerValue(operation.g, bytes)
      bitTest(change)(context, [value, index], bytes)
      if (change) writer.setRegister(operation.e, bytes)
    },
  }
}

function swapBytes(context: Context, [a]: readonly Value[], bytes: number): void {
  const { writer } = context
  const { code } = writer
  const parts = (masks: readonly [bigint, bigint][]): void => {
    // Bounded: three rounds at most.
    let value = a!
    for (const [shiftBy, mask] of masks) {
      writer.push(value)
      constant(context, bytes, shiftBy)
      code.op(by(bytes, op.i64_shl, op.i32_shl))
      constant(context, bytes, ~mask)
      code.op(by(bytes, op.i64_and, op.i32_and))
      writer.push(value)
      constant(context, bytes, shiftBy)
      code.op(by(bytes, op.i64_shr_u, op.i32_shr_u))
      constant(context, bytes, mask)
      code.op(by(bytes, op.i64_and, op.i32_and))
      code.op(by(bytes, op.i64_or, op.i32_or))
      value = writer.keep(typeOf(bytes), bytes)
    }
    writer.push(value)
    constant(context, bytes, bytes === 8 ? 32 : 16)
    code.op(by(bytes, op.i64_rotl, op.i32_rotl))
  }
  if (bytes === 8)
    parts([
      [8n, 0x00ff00ff00ff00ffn],
      [16n, 0x0000ffff0000ffffn],
    ])
  else parts([[8n, 0x00ff00ffn]])
}

export const bits: Meanings = {
  bsf: { meaning: scan(true) },
  bsr: { meaning: scan(false) },
  popcnt_: { meaning: countOnes },
  btImm: { meaning: bitTest(undefined) },
  btsImm: { meaning: bitTest('set') },
  btrImm: { meaning: bitTest('reset') },
  btcImm: { meaning: bitTest('complement') },
  bswap: { meaning: swapBytes, accepts: wideOnly },
}

export const bitCustoms: Customs = {
  bt: bitTestRegister(undefined),
  bts: bitTestRegister('set'),
  btr: bitTestRegister('reset'),
  btc: bitTestRegister('complement'),
}
