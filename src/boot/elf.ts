// Loads an x86-64 ELF executable (the kernel's vmlinux) at its physical addresses. System V gABI, chapters 4–5.
//
// The kernel image is the caller's choice and thus trusted to be sensible, but a damaged file must give a clear
// error rather than a machine that hangs: every offset is checked.

import { VmError } from '../errors/index.ts'
import type { GuestMemory } from '../memory/index.ts'

const ELFCLASS64 = 2
const ELFDATA2LSB = 1
const ET_EXEC = 2
const EM_X86_64 = 62
const PT_LOAD = 1

export interface LoadedKernel {
  /** Physical address of the first instruction (ELF `e_entry`; for vmlinux, `startup_64`). */
  readonly entry: number
  /** First physical address above everything loaded, bss included. */
  readonly end: number
}

/** @throws VmError ERR_INLINUX_BOOT (phase kernel) when the file is no loadable x86-64 executable or RAM is too small */
export function loadElf(image: Uint8Array, memory: GuestMemory): LoadedKernel {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength)
  const fail = (what: string): never => {
    throw new VmError('ERR_INLINUX_BOOT', `the guest kernel cannot be loaded: ${what}`, { phase: 'kernel' })
  }
  if (image.length < 64 || view.getUint32(0) !== 0x7f454c46) fail('not an ELF file')
  if (image[4] !== ELFCLASS64 || image[5] !== ELFDATA2LSB) fail('not a 64-bit little-endian file')
  if (view.getUint16(16, true) !== ET_EXEC || view.getUint16(18, true) !== EM_X86_64)
    fail('not an x86-64 executable')
  const entry = Number(view.getBigUint64(24, true))
  const headers = Number(view.getBigUint64(32, true))
  const headerSize = view.getUint16(54, true)
  const count = view.getUint16(56, true)
  if (headerSize < 56 || headers + headerSize * count > image.length)
    fail('program headers lie outside of the file')
  let end = 0
  for (let i = 0; i < count; i++) {
    const at = headers + i * headerSize
    if (view.getUint32(at, true) !== PT_LOAD) continue
    const offset = Number(view.getBigUint64(at + 8, true))
    const physical = Number(view.getBigUint64(at + 24, true))
    const fileSize = Number(view.getBigUint64(at + 32, true))
    const memorySize = Number(view.getBigUint64(at + 40, true))
    if (offset + fileSize > image.length) fail('a segment lies outside of the file')
    if (physical + memorySize > memory.size) {
      throw new VmError('ERR_INLINUX_BOOT', 'the guest kernel does not fit into the machine’s memory', {
        phase: 'kernel',
        fix: `give the machine more memory: the kernel alone needs ${Math.ceil((physical + memorySize) / 2 ** 20)} MiB`,
      })
    }
    // Fresh memory is zero, so bss needs nothing.
    memory.copyIn(physical, image.subarray(offset, offset + fileSize))
    end = Math.max(end, physical + memorySize)
  }
  if (end === 0) fail('it has no loadable segment')
  return { entry, end }
}
