// Paging without a host oracle: which accesses fault with which error code, accessed and dirty bits, large pages,
// what flushes which translations. SDM volume 3, chapter 4.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  A,
  BareMachine,
  CODE,
  CODE_PHYSICAL,
  D,
  DATA,
  DATA_PHYSICAL,
  G,
  KERNEL,
  LARGE,
  NX,
  P,
  RAM,
  U,
  W,
} from './bare-machine.ts'

const PAGE_FAULT = 14
/** Where the tests map what they look at. */
const PLACE = 0x80_0000_0000n
const READ = [0x8a, 0x03] // mov al, [rbx]
const WRITE = [0x88, 0x03] // mov [rbx], al
const EXECUTE = [0xff, 0xe3] // jmp rbx
const HLT = 0xf4
const INT3 = 0xcc

interface Access {
  readonly flags: bigint | undefined
  readonly access: readonly number[]
  readonly mode: 'user' | 'kernel'
  readonly wp?: false
  readonly nxe?: false
  /** Error code, or undefined: no fault. */
  readonly error: number | undefined
}

const bits = (flags: bigint | undefined): string =>
  flags === undefined
    ? 'absent'
    : `P${flags & W ? ' W' : ''}${flags & U ? ' U' : ''}${flags & NX ? ' NX' : ''}`
const names = new Map([
  [READ, 'read'],
  [WRITE, 'write'],
  [EXECUTE, 'execute'],
])

describe('error codes of page faults', () => {
  const cases: Access[] = [
    { flags: undefined, access: READ, mode: 'kernel', error: 0 },
    { flags: undefined, access: WRITE, mode: 'kernel', error: 2 },
    { flags: undefined, access: EXECUTE, mode: 'kernel', error: 0x10 },
    { flags: undefined, access: READ, mode: 'user', error: 4 },
    { flags: undefined, access: WRITE, mode: 'user', error: 6 },
    { flags: undefined, access: EXECUTE, mode: 'user', error: 0x14 },
    { flags: 0n, access: READ, mode: 'user', error: 5 },
    { flags: W, access: WRITE, mode: 'user', error: 7 },
    { flags: 0n, access: EXECUTE, mode: 'user', error: 0x15 },
    { flags: U, access: READ, mode: 'user', error: undefined },
    { flags: U, access: WRITE, mode: 'user', error: 7 },
    { flags: U, access: EXECUTE, mode: 'user', error: undefined },
    { flags: U | NX, access: EXECUTE, mode: 'user', error: 0x15 },
    { flags: U | W | NX, access: WRITE, mode: 'user', error: undefined },
    { flags: NX, access: EXECUTE, mode: 'kernel', error: 0x11 },
    { flags: NX, access: READ, mode: 'kernel', error: undefined },
    { flags: U, access: READ, mode: 'kernel', error: undefined },
    { flags: U, access: EXECUTE, mode: 'kernel', error: undefined },
    { flags: 0n, access: WRITE, mode: 'kernel', error: 3 },
    { flags: U, access: WRITE, mode: 'kernel', error: 3 },
    { flags: 0n, access: WRITE, mode: 'kernel', wp: false, error: undefined },
    { flags: U, access: WRITE, mode: 'kernel', wp: false, error: undefined },
    { flags: U, access: WRITE, mode: 'user', wp: false, error: 7 },
    // Without EFER.NXE the bit is reserved, and the I/D flag is not reported.
    { flags: U | NX, access: READ, mode: 'user', nxe: false, error: 0xd },
    { flags: undefined, access: EXECUTE, mode: 'user', nxe: false, error: 4 },
    { flags: U | (1n << 51n), access: READ, mode: 'user', error: 0xd },
    { flags: U | W | (1n << 40n), access: WRITE, mode: 'kernel', error: 0xb },
  ]
  for (const { flags, access, mode, wp, nxe, error } of cases) {
    const special = `${wp === false ? ', WP 0' : ''}${nxe === false ? ', NXE 0' : ''}${flags && flags & ((3n << 40n) | (1n << 51n)) ? ', reserved bit' : ''}`
    const outcome = error === undefined ? 'works' : `gives ${error.toString(16)}`
    test(`${mode} ${names.get(access as number[])} of a page ${bits(flags)}${special} ${outcome}`, () => {
      const machine = new BareMachine()
      if (flags !== undefined) machine.map(PLACE, DATA_PHYSICAL + 0x2000, flags)
      else machine.map(PLACE + 0x1000n, DATA_PHYSICAL, U)
      machine.load(DATA_PHYSICAL + 0x2000, INT3)
      if (wp === false) machine.set('cr0', machine.get('cr0') & ~0x1_0000n)
      if (nxe === false) machine.set('efer', machine.get('efer') & ~0x800n)
      machine.core.flushAll()
      machine.program(...access, INT3)
      machine.mode(mode)
      machine.set('rbx', PLACE)
      const end = machine.run()
      if (error === undefined) {
        assert.equal(end.vector, 3)
      } else {
        assert.deepEqual([end.vector, end.error, machine.get('cr2')], [PAGE_FAULT, error, PLACE])
        // A fetch faults at the place itself, an access at the instruction.
        assert.equal(end.rip, access === EXECUTE ? PLACE : BigInt(CODE))
      }
    })
  }

  test('rights are the intersection of all levels', () => {
    const machine = new BareMachine()
    machine.map(PLACE, DATA_PHYSICAL, U | W)
    // Take write away in the page directory.
    let table = 0x10_0000
    for (const shift of [39n, 30n])
      table = Number(machine.read64(table + Number((PLACE >> shift) & 0x1ffn) * 8) & 0xffff_f000n)
    const slot = table + Number((PLACE >> 21n) & 0x1ffn) * 8
    machine.write64(slot, machine.read64(slot) & ~W)
    machine.program(...WRITE, INT3)
    machine.mode('user')
    machine.set('rbx', PLACE)
    const end = machine.run()
    assert.deepEqual([end.vector, end.error], [PAGE_FAULT, 7])
  })

  test('page tables outside of RAM fault instead of anything worse', () => {
    const machine = new BareMachine()
    machine.map(PLACE, DATA_PHYSICAL, U | W)
    const slot = 0x10_0000 + Number((PLACE >> 39n) & 0x1ffn) * 8
    machine.write64(slot, BigInt(RAM + 0x10_0000) | P | W | U)
    machine.program(...READ, INT3)
    machine.mode('user')
    machine.set('rbx', PLACE)
    assert.equal(machine.run().vector, PAGE_FAULT)
  })
})

describe('accessed and dirty bits', () => {
  const prepared = (access: readonly number[]): BareMachine => {
    const machine = new BareMachine()
    machine.map(PLACE, DATA_PHYSICAL, U | W)
    machine.program(...access, HLT)
    machine.set('rbx', PLACE)
    return machine
  }
  test('a read sets A on every level and D nowhere', () => {
    const machine = prepared(READ)
    machine.run()
    for (const entry of machine.entries(PLACE)) assert.equal(entry & (A | D), A)
  })
  test('a write sets A on every level and D on the last', () => {
    const machine = prepared(WRITE)
    machine.run()
    const entries = machine.entries(PLACE)
    for (const entry of entries.slice(0, 3)) assert.equal(entry & (A | D), A)
    assert.equal(entries[3]! & (A | D), A | D)
  })
  test('a write after a read sets D though the translation is known', () => {
    const machine = prepared([...READ, ...WRITE])
    machine.run()
    assert.equal(machine.entries(PLACE)[3]! & D, D)
  })
  test('a write that faults sets no D', () => {
    const machine = prepared(WRITE)
    machine.map(PLACE, DATA_PHYSICAL, U)
    machine.mode('user')
    machine.set('rbx', PLACE)
    machine.run()
    assert.equal(machine.entries(PLACE)[3]! & D, 0n)
  })
  test('D that was cleared is set again after INVLPG', () => {
    const machine = prepared([...WRITE, 0x0f, 0x01, 0x3b, HLT, ...WRITE]) // invlpg [rbx]
    machine.run()
    const slot = machine.map(PLACE, DATA_PHYSICAL, U | W)
    machine.run()
    assert.equal(machine.read64(slot) & D, D)
  })
  test('large pages have theirs in the directory entry', () => {
    const machine = prepared(WRITE)
    const slot = machine.mapLarge(0x90_0000_0000n, 21, 0x60_0000n | LARGE | P | W)
    machine.set('rbx', 0x90_0000_0000n)
    machine.run()
    assert.equal(machine.read64(slot) & (A | D), A | D)
  })
})

describe('large pages', () => {
  const read = (
    machine: BareMachine,
    address: bigint,
  ): { vector: number | undefined; error: number | undefined; al: number } => {
    machine.program(...READ, HLT)
    machine.mode('kernel')
    machine.set('rbx', address)
    const { vector, error } = machine.run()
    return { vector, error, al: Number(machine.get('rax') & 0xffn) }
  }
  test('2 MiB: every offset reaches its byte', () => {
    const machine = new BareMachine()
    machine.mapLarge(0x90_0000_0000n, 21, 0x60_0000n | LARGE | P)
    for (const offset of [0, 0xfff, 0x1000, 0x12_3456, 0x1f_ffff]) {
      machine.load(0x60_0000 + offset, 0x5a)
      assert.equal(read(machine, 0x90_0000_0000n + BigInt(offset)).al, 0x5a)
      machine.load(0x60_0000 + offset, 0)
    }
  })
  test('1 GiB: every offset reaches its byte', () => {
    const machine = new BareMachine()
    machine.mapLarge(0x98_0000_0000n, 30, LARGE | P)
    for (const offset of [0x71_0000, 0x71_0fff, 0x1ff_ffff]) {
      machine.load(offset, 0xa5)
      assert.equal(read(machine, 0x98_0000_0000n + BigInt(offset)).al, 0xa5)
    }
  })
  test('bits below the frame are reserved, but for PAT', () => {
    const machine = new BareMachine()
    machine.mapLarge(0x90_0000_0000n, 21, 0x60_0000n | LARGE | P | 0x2000n)
    assert.deepEqual(read(machine, 0x90_0000_0000n), {
      vector: PAGE_FAULT,
      error: 9,
      al: Number(machine.get('rax') & 0xffn),
    })
    const other = new BareMachine()
    other.mapLarge(0x90_0000_0000n, 21, 0x60_0000n | LARGE | P | 0x1000n)
    assert.equal(read(other, 0x90_0000_0000n).vector, undefined)
  })
  test('INVLPG of any address inside forgets the whole page', () => {
    const machine = new BareMachine()
    const base = 0x90_0000_0000n
    machine.mapLarge(base, 21, 0x60_0000n | LARGE | P)
    machine.load(0x60_0100, 1)
    machine.load(0x80_0100, 2)
    assert.equal(read(machine, base + 0x100n).al, 1)
    machine.mapLarge(base, 21, 0x80_0000n | LARGE | P)
    machine.program(0x0f, 0x01, 0x3b, HLT) // invlpg [rbx]
    machine.set('rbx', base + 0x1f_f000n)
    machine.run()
    assert.equal(read(machine, base + 0x100n).al, 2)
  })
})

describe('what flushes', () => {
  const CR3 = [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8] // mov rax, cr3; mov cr3, rax
  const INVLPG = [0x0f, 0x01, 0x3b] // invlpg [rbx]
  const PGE = [0x0f, 0x20, 0xe0, 0x34, 0x80, 0x0f, 0x22, 0xe0, 0x34, 0x80, 0x0f, 0x22, 0xe0] // CR4.PGE off and on
  /** Reads PLACE, maps another page there, runs `between`, reads again: 1 is the old page's byte, 2 the new one's. */
  const readAgain = (
    flags: bigint,
    between: readonly number[],
    setUp: (machine: BareMachine) => void = () => {},
  ): number => {
    const machine = new BareMachine()
    setUp(machine)
    machine.load(DATA_PHYSICAL, 1)
    machine.load(DATA_PHYSICAL + 0x1000, 2)
    machine.map(PLACE, DATA_PHYSICAL, W | flags)
    machine.program(...READ, HLT, ...between, ...READ, HLT)
    machine.set('rbx', PLACE)
    machine.run()
    machine.map(PLACE, DATA_PHYSICAL + 0x1000, W | flags)
    machine.run()
    return Number(machine.get('rax') & 0xffn)
  }
  test('MOV to CR3 forgets pages that are not global', () => assert.equal(readAgain(0n, CR3), 2))
  test('MOV to CR3 keeps global pages', () => assert.equal(readAgain(G, CR3), 1))
  test('INVLPG forgets a page', () => assert.equal(readAgain(0n, INVLPG), 2))
  test('INVLPG forgets a global page', () => assert.equal(readAgain(G, INVLPG), 2))
  test('changing CR4.PGE forgets global pages', () => assert.equal(readAgain(G, PGE), 2))
  test('without CR4.PGE no page is global', () => {
    const withoutPge = (machine: BareMachine): void => machine.set('cr4', machine.get('cr4') & ~0x80n)
    assert.equal(readAgain(G, CR3, withoutPge), 2)
  })
})

describe('addresses', () => {
  test('an access that is not canonical gives #GP(0), through RBP #SS(0)', () => {
    for (const [access, vector] of [
      [READ, 13],
      [WRITE, 13],
      [[0x8a, 0x45, 0x00], 12],
    ] as const) {
      const machine = new BareMachine()
      machine.program(...access, HLT)
      machine.set('rbx', 0x8000_0000_0000n)
      machine.set('rbp', 0xffff_7fff_ffff_ffffn)
      const end = machine.run()
      assert.deepEqual([end.vector, end.error, end.rip], [vector, 0, BigInt(CODE)])
    }
  })
  test('a store across two pages writes nothing when the second faults', () => {
    const machine = new BareMachine()
    machine.map(PLACE, DATA_PHYSICAL, U | W)
    machine.program(0x48, 0x89, 0x03, HLT) // mov [rbx], rax
    machine.mode('user')
    machine.set('rax', 0x1122_3344_5566_7788n)
    machine.set('rbx', PLACE + 0xffcn)
    const end = machine.run()
    assert.deepEqual([end.vector, end.error, machine.get('cr2')], [PAGE_FAULT, 6, PLACE + 0x1000n])
    assert.equal(machine.read64(DATA_PHYSICAL + 0xff8), 0n)
  })
  test('two linear pages of one physical page show the same bytes at once', () => {
    const machine = new BareMachine()
    machine.map(PLACE, DATA_PHYSICAL, U | W)
    machine.map(PLACE + 0x1000n, DATA_PHYSICAL, U | W)
    machine.program(0x88, 0x03, 0x8a, 0x8b, 0x00, 0x10, 0x00, 0x00, HLT) // mov [rbx], al; mov cl, [rbx+1000h]
    machine.set('rbx', PLACE)
    machine.set('rax', 0x77)
    machine.run()
    assert.equal(machine.get('rcx') & 0xffn, 0x77n)
  })
  test('an instruction across two pages faults with the second page in CR2', () => {
    const machine = new BareMachine()
    machine.load(CODE_PHYSICAL + 0x1fff, 0x48) // the first byte of mov rax, rbx
    machine.set('rip', CODE + 0x1fff)
    machine.mode('user')
    const end = machine.run()
    assert.deepEqual([end.vector, end.error, end.rip], [PAGE_FAULT, 0x14, BigInt(CODE + 0x1fff)])
    assert.equal(machine.get('cr2'), BigInt(CODE + 0x2000))
  })
  test('user and kernel keep their own view of one page', () => {
    const machine = new BareMachine()
    machine.map(PLACE, DATA_PHYSICAL, W) // the kernel's
    machine.program(...READ, HLT)
    machine.set('rbx', PLACE)
    machine.run()
    machine.program(...READ, HLT)
    machine.mode('user')
    const end = machine.run()
    assert.deepEqual([end.vector, end.error], [PAGE_FAULT, 5])
  })
  test('the kernel reaches its half, a user does not', () => {
    const machine = new BareMachine()
    machine.program(...READ, HLT)
    machine.mode('user')
    machine.set('rbx', KERNEL)
    assert.deepEqual([machine.run().error, machine.get('cr2')], [5, KERNEL])
    assert.equal(BigInt(DATA) < KERNEL, true)
  })
})
