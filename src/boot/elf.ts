// Loads an x86-64 ELF executable (the kernel's vmlinux) at its physical addresses. System V gABI, chapters 4–5.
//
// The kernel image is the caller's choice and thus trusted to be sensible, but a damaged file must give a clear
// error rather than a machine that hangs: every offset is checked.

import { VmError } from '../errors/index.ts'
import type { GuestMemory } from '../memory/index.ts'
import type { ImageFile } from './image-file.ts'

const EHDR_BYTES = 64
const PHDR_BYTES = 56
/** A vmlinux has five. */
const MAX_PROGRAM_HEADERS = 64
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
export async function loadElf(file: ImageFile, memory: GuestMemory): Promise<LoadedKernel> {
  const header = await readPart(file, 0, EHDR_BYTES)
  if (header.getUint32(0) !== 0x7f454c46) fail('not an ELF file')
  if (header.getUint8(4) !== ELFCLASS64 || header.getUint8(5) !== ELFDATA2LSB)
    fail('not a 64-bit little-endian file')
  if (header.getUint16(16, true) !== ET_EXEC || header.getUint16(18, true) !== EM_X86_64) {
    fail('not an x86-64 executable')
  }
  const entry = Number(header.getBigUint64(24, true))
  const headerBytes = header.getUint16(54, true)
  const count = header.getUint16(56, true)
  if (headerBytes < PHDR_BYTES || count > MAX_PROGRAM_HEADERS) fail('its program headers make no sense')
  const table = await readPart(file, Number(header.getBigUint64(32, true)), headerBytes * count)
  let end = 0
  const loads: Promise<void>[] = []
  for (let at = 0; at < table.byteLength; at += headerBytes) {
    if (table.getUint32(at, true) !== PT_LOAD) continue
    const offset = Number(table.getBigUint64(at + 8, true))
    const physical = Number(table.getBigUint64(at + 24, true))
    const fileSize = Number(table.getBigUint64(at + 32, true))
    const memorySize = Number(table.getBigUint64(at + 40, true))
    if (offset + fileSize > file.size) fail('a segment lies outside of the file')
    if (physical + Math.max(memorySize, fileSize) > memory.size) {
      throw new VmError('ERR_INLINUX_BOOT', 'the guest kernel does not fit into the machine’s memory', {
        phase: 'kernel',
        fix: `give the machine more memory: the kernel alone needs ${Math.ceil((physical + memorySize) / 2 ** 20)} MiB`,
      })
    }
    // Fresh memory is zero, so bss needs nothing.
    loads.push(file.read(offset, memory.slice(physical, fileSize)))
    end = Math.max(end, physical + memorySize)
  }
  await Promise.all(loads)
  if (end === 0) fail('it has no loadable segment')
  if (!(entry < end)) fail('its entry point lies outside of it')
  return { entry, end }
}

async function readPart(file: ImageFile, offset: number, length: number): Promise<DataView> {
  if (!(offset + length <= file.size)) fail('a header lies outside of the file')
  const bytes = new Uint8Array(length)
  await file.read(offset, bytes)
  return new DataView(bytes.buffer)
}

function fail(what: string): never {
  throw new VmError('ERR_INLINUX_BOOT', `the guest kernel cannot be loaded: ${what}`, { phase: 'kernel' })
}
