// Puts a Linux kernel into guest memory as the 64-bit boot protocol wants it, and says in what state the first
// CPU starts. Linux Documentation/arch/x86/boot.rst ("64-bit boot protocol") and zero-page.rst.
//
//   0x0000_0500  GDT: null, (unused), 64-bit code 0x10, data 0x18
//   0x0000_7000  boot parameters ("zero page")
//   0x0000_9000  page tables: the first 4 GiB mapped to themselves with 2 MiB pages (six pages)
//   0x0002_0000  command line
//   0x0009_fc00  MP table
//   0x0010_0000… the kernel where its ELF headers say; the initramfs as high as possible

import { VmError } from '../errors/index.ts'
import type { GuestMemory } from '../memory/index.ts'
import { loadElf } from './elf.ts'
import type { ImageFile } from './image-file.ts'
import { MP_TABLE_ADDRESS, writeMpTable } from './mp-table.ts'

const GDT_ADDRESS = 0x500
const ZERO_PAGE_ADDRESS = 0x7000
const PAGE_TABLES_ADDRESS = 0x9000
const COMMAND_LINE_ADDRESS = 0x20000
/** COMMAND_LINE_SIZE of the kernel is 2048, the final zero included. */
const COMMAND_LINE_LIMIT = 2047
const HIGH_MEMORY = 0x100000
const PAGE = 0x1000

const E820_RAM = 1

/** Registers at the kernel's first instruction; all addresses physical, and mapped to themselves. */
export interface KernelEntry {
  readonly rip: number
  readonly rsi: number
  readonly rsp: number
  readonly cr3: number
  readonly gdt: number
  readonly gdtLimit: number
}

export interface LinuxImage {
  /** An ELF executable. */
  readonly kernel: ImageFile
  /** A cpio archive, not compressed. */
  readonly initramfs: ImageFile
  readonly commandLine: string
}

/** @throws VmError ERR_INLINUX_BOOT (phase kernel) */
export async function loadLinux(
  memory: GuestMemory,
  { kernel, initramfs, commandLine }: LinuxImage,
): Promise<KernelEntry> {
  const { entry, end } = await loadElf(kernel, memory)
  const initramfsAddress = Math.floor((memory.size - initramfs.size) / PAGE) * PAGE
  if (initramfsAddress < end) {
    throw new VmError('ERR_INLINUX_BOOT', 'kernel and initramfs do not fit into the machine’s memory', {
      phase: 'kernel',
      fix: `give the machine at least ${Math.ceil((end + initramfs.size) / 2 ** 20) + 32} MiB`,
    })
  }
  await initramfs.read(0, memory.slice(initramfsAddress, initramfs.size))
  const line = Buffer.from(`${commandLine}\0`, 'latin1')
  if (line.length > COMMAND_LINE_LIMIT + 1) {
    throw new VmError(
      'ERR_INLINUX_INVALID_ARGUMENT',
      `the kernel’s command line is longer than ${COMMAND_LINE_LIMIT} bytes`,
    )
  }
  memory.copyIn(COMMAND_LINE_ADDRESS, line)
  writeMpTable(memory)
  writeZeroPage(memory, initramfsAddress, initramfs.size, line.length - 1)
  writeIdentityMap(memory)
  writeGdt(memory)
  return {
    rip: entry,
    rsi: ZERO_PAGE_ADDRESS,
    rsp: ZERO_PAGE_ADDRESS,
    cr3: PAGE_TABLES_ADDRESS,
    gdt: GDT_ADDRESS,
    gdtLimit: 31,
  }
}

function writeZeroPage(
  memory: GuestMemory,
  initramfs: number,
  initramfsLength: number,
  lineLength: number,
): void {
  const at = (offset: number): number => ZERO_PAGE_ADDRESS + offset
  memory.writeU16(at(0x1fe), 0xaa55) // boot_flag
  memory.writeU32(at(0x202), 0x53726448) // header "HdrS"
  memory.writeU16(at(0x206), 0x020f) // version
  memory.writeU8(at(0x210), 0xff) // type_of_loader: undefined
  memory.writeU8(at(0x211), 1) // loadflags: LOADED_HIGH
  memory.writeU32(at(0x218), initramfs) // ramdisk_image
  memory.writeU32(at(0x21c), initramfsLength) // ramdisk_size
  memory.writeU32(at(0x228), COMMAND_LINE_ADDRESS) // cmd_line_ptr
  memory.writeU32(at(0x238), lineLength) // cmdline_size
  // The first page stays out: Linux reserves it anyway, and our GDT lies there.
  const ranges: [number, number][] = [
    [0, MP_TABLE_ADDRESS],
    [HIGH_MEMORY, memory.size],
  ]
  memory.writeU8(at(0x1e8), ranges.length) // e820_entries
  for (const [i, [start, end]] of ranges.entries()) {
    memory.writeU64(at(0x2d0 + i * 20), BigInt(start))
    memory.writeU64(at(0x2d8 + i * 20), BigInt(end - start))
    memory.writeU32(at(0x2e0 + i * 20), E820_RAM)
  }
}

function writeIdentityMap(memory: GuestMemory): void {
  const PRESENT_WRITABLE = 3n
  const LARGE = 0x80n
  const directoryPointers = PAGE_TABLES_ADDRESS + PAGE
  memory.writeU64(PAGE_TABLES_ADDRESS, BigInt(directoryPointers) | PRESENT_WRITABLE)
  for (let i = 0; i < 4; i++) {
    const directory = PAGE_TABLES_ADDRESS + (2 + i) * PAGE
    memory.writeU64(directoryPointers + i * 8, BigInt(directory) | PRESENT_WRITABLE)
    for (let j = 0; j < 512; j++) {
      memory.writeU64(directory + j * 8, (BigInt(i * 512 + j) << 21n) | PRESENT_WRITABLE | LARGE)
    }
  }
}

function writeGdt(memory: GuestMemory): void {
  memory.writeU64(GDT_ADDRESS, 0n)
  memory.writeU64(GDT_ADDRESS + 8, 0n)
  memory.writeU64(GDT_ADDRESS + 16, 0x00af9b000000ffffn) // code, long mode
  memory.writeU64(GDT_ADDRESS + 24, 0x00cf93000000ffffn) // data
}
