// The Intel MultiProcessor table: how the kernel learns of the local APIC, the IO-APIC and its inputs without ACPI.
// MultiProcessor Specification 1.4, chapter 4. It lies in the last KiB of base memory, where Linux looks.

import type { GuestMemory } from '../memory/index.ts'

/** 639 KiB: the start of the last KiB below the 640 KiB line. */
export const MP_TABLE_ADDRESS = 0x9fc00

const IO_APIC_ADDRESS = 0xfec00000
const LOCAL_APIC_ADDRESS = 0xfee00000
const IO_APIC_ID = 1
const INPUTS = 24

export function writeMpTable(memory: GuestMemory): void {
  const entries: number[][] = []
  // Processor: local APIC 0, version 0x14, enabled and boot processor; signature and feature flags as CPUID says.
  entries.push([0, 0, 0x14, 3, 0xa5, 0x06, 0x01, 0, 0x7d, 0xa3, 0x8b, 0x07, 0, 0, 0, 0, 0, 0, 0, 0])
  entries.push([1, 0, ...Buffer.from('ISA   ')])
  entries.push([2, IO_APIC_ID, 0x20, 1, ...u32(IO_APIC_ADDRESS)])
  // Every input is wired to the ISA interrupt of its number, edge-triggered and active high as the ISA bus is.
  for (let input = 0; input < INPUTS; input++) entries.push([3, 0, 0, 0, 0, input, IO_APIC_ID, input])
  // Local interrupts: ExtINT on LINT0, NMI on LINT1.
  entries.push([4, 3, 0, 0, 0, 0, 0, 0], [4, 1, 0, 0, 0, 0, 0xff, 1])

  const body = entries.flat()
  const length = 44 + body.length
  const table = Buffer.alloc(length)
  table.write('PCMP', 0, 'latin1')
  table.writeUInt16LE(length, 4)
  table[6] = 4 // specification 1.4
  table.write('INLINUX ', 8, 'latin1')
  table.write('MACHINE     ', 16, 'latin1')
  table.writeUInt16LE(entries.length, 34)
  table.writeUInt32LE(LOCAL_APIC_ADDRESS, 36)
  table.set(body, 44)
  table[7] = checksum(table)

  const pointer = Buffer.alloc(16)
  pointer.write('_MP_', 0, 'latin1')
  pointer.writeUInt32LE(MP_TABLE_ADDRESS + 16, 4)
  pointer[8] = 1 // length in 16-byte units
  pointer[9] = 4
  pointer[10] = checksum(pointer)

  memory.copyIn(MP_TABLE_ADDRESS, pointer)
  memory.copyIn(MP_TABLE_ADDRESS + 16, table)
}

function u32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]
}

/** The byte that makes the sum of all bytes zero. */
function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff
}
