// What changes the processor's state: the direction of strings, and in the kernel interrupts and GS. And NOP.

import { KERNEL_GS_BASE, REGS, RFLAGS } from './addresses.ts'
import { type Code, I64 } from './encoder.ts'
import type { Custom, CustomEntry, Customs, Meaning, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'
import { GS_BASE } from './operations.ts'

const IF = 0x200
const DF = 0x400

/** Sets or clears a bit of RFLAGS. */
function changeFlag(code: Code, flag: number, set: boolean): void {
  code.i32(0)
  code.i32(0)
  code.memory(op.i32_load, RFLAGS)
  code.i32(set ? flag : ~flag)
  code.op(set ? op.i32_or : op.i32_and)
  code.memory(op.i32_store, RFLAGS)
}

const direction =
  (down: boolean): Meaning =>
  ({ writer }) =>
    changeFlag(writer.code, DF, down)

/** In the kernel only; elsewhere the interpreter raises what is due. */
const kernelOnly = (translate: Custom): CustomEntry => ({
  translate: (context) =>
    context.writer.region.user ? context.writer.exits.leaveHere() : translate(context),
})

const swapGs: Custom = ({ writer }) => {
  const { code } = writer
  const former = writer.temporary(I64)
  code.i32(0)
  code.memory(op.i64_load, REGS + GS_BASE)
  code.set(former)
  code.i32(0)
  code.i32(0)
  code.memory(op.i64_load, KERNEL_GS_BASE)
  code.memory(op.i64_store, REGS + GS_BASE)
  code.i32(0)
  code.get(former)
  code.memory(op.i64_store, KERNEL_GS_BASE)
}

export const system: Meanings = {
  cld: { meaning: direction(false) },
  std: { meaning: direction(true) },
}

export const systemCustoms: Customs = {
  nopE: { translate: () => {} },
  cli: kernelOnly(({ writer }) => changeFlag(writer.code, IF, false)),
  swapgs: kernelOnly(swapGs),
}
