// What happens to translated code from outside while it runs: interrupts, breakpoints, faults, other code at its place.
// Each loop here gets hot, and each test makes sure that it ran translated.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TranslatorOptions } from '../../../../src/engine/soft/translator/index.ts'
import { BareMachine, CODE, CODE_PHYSICAL, DATA, DATA_PHYSICAL, KERNEL, U, W } from '../bare-machine.ts'

const HLT = 0xf4
const LOCAL_APIC = 0xfee0_0000
const VECTOR = 0x41
const KICKED = 0
const MAILBOX = 0x80000

const little = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff)
/** mov dword [rbx + offset], value */
const writeRegister = (offset: number, value: number): number[] => [
  0xc7,
  0x83,
  ...little(offset),
  ...little(value),
]
const movEcx = (value: number): number[] => [0xb9, ...little(value)]
/** inc dword [address] */
const increment = (address: number): number[] => [0xff, 0x04, 0x25, ...little(address)]
const IRETQ = [0x48, 0xcf]

function machineWith(options: TranslatorOptions = { threshold: 10, atOnce: true }): BareMachine {
  return new BareMachine(undefined, undefined, options)
}

/** Almost all of it was translated. */
function assertHot(machine: BareMachine): void {
  const { instructions, instructionsInterpreted, regionsEntered } = machine.counters()
  assert.ok(regionsEntered > 0n)
  assert.ok(
    instructionsInterpreted * 2n < instructions,
    `${instructionsInterpreted} of ${instructions} interpreted`,
  )
}

describe('interrupts in a hot loop', () => {
  test('a timer’s come, and the loop does not notice', () => {
    const machine = machineWith()
    machine.map(LOCAL_APIC, LOCAL_APIC, W)
    machine.load(CODE_PHYSICAL + 0x1000, ...increment(DATA), ...writeRegister(0xb0, 0), ...IRETQ)
    machine.gate(VECTOR, { target: BigInt(CODE + 0x1000) })
    machine.program(
      ...writeRegister(0xf0, 0x1ff), // the APIC is on
      ...writeRegister(0x3e0, 0xb), // no divider
      ...writeRegister(0x320, 0x2_0000 | VECTOR), // periodic
      ...writeRegister(0x380, 30_000),
      0xfb, // sti
      ...movEcx(1_000_000),
      ...[0x01, 0xc8], // add eax, ecx
      ...[0x83, 0xd2, 0x00], // adc edx, 0
      ...[0xff, 0xc9, 0x75, 0xf7], // dec ecx; jnz
      0xfa, // cli
      HLT,
    )
    machine.set('rbx', LOCAL_APIC)
    machine.set('rax', 0)
    machine.set('rdx', 0)

    machine.run()

    let low = 0
    let carries = 0
    for (let i = 1_000_000; i > 0; i--) {
      low += i
      if (low >= 2 ** 32) {
        low -= 2 ** 32
        carries++
      }
    }
    assert.deepEqual([machine.get('rax'), machine.get('rdx')], [BigInt(low), BigInt(carries)])
    // 4 million instructions: no more than one each 30,000, and hardly less, for the clock is looked at each 20,000.
    const count = Number(machine.read64(DATA_PHYSICAL))
    assert.ok(count > 60 && count <= 140, `${count} interrupts`)
    assertHot(machine)
  })

  test('one that a device raises ends a loop that waits for it', () => {
    const machine = machineWith()
    machine.map(LOCAL_APIC, LOCAL_APIC, W)
    machine.map(0xfec0_0000, 0xfec0_0000, W)
    machine.load(CODE_PHYSICAL + 0x1000, ...increment(DATA), ...IRETQ)
    machine.gate(VECTOR, { target: BigInt(CODE + 0x1000) })
    machine.program(
      ...writeRegister(0xf0, 0x1ff),
      ...[0x48, 0x81, 0xeb, ...little(LOCAL_APIC - 0xfec0_0000)], // sub rbx, …: the IO-APIC
      ...writeRegister(0, 0x10 + 2 * 5),
      ...writeRegister(0x10, VECTOR),
      0xfb, // sti
      ...[0x83, 0x3c, 0x25, ...little(DATA), 0], // cmp dword [DATA], 0
      ...[0x74, 0xf6], // je
      0xfa,
      HLT,
    )
    machine.set('rbx', LOCAL_APIC)
    for (let i = 0; i < 5; i++) assert.equal(machine.runOnce(), KICKED)
    machine.raise(5)

    machine.run()

    assert.equal(machine.read64(DATA_PHYSICAL) & 0xffff_ffffn, 1n)
    assertHot(machine)
  })
})

describe('faults in a hot loop', () => {
  test('the first page that is not there: registers, carry and memory are as in front of the store', () => {
    const machine = machineWith()
    // stc; mov [rdi], cl; inc rdi; dec ecx; jc back
    machine.program(0xf9, 0x88, 0x0f, 0x48, 0xff, 0xc7, 0xff, 0xc9, 0x72, 0xf6)
    machine.set('rdi', DATA)
    machine.set('rcx', 0x1_0000)

    const ending = machine.run()

    assert.equal(ending.vector, 14)
    assert.equal(ending.rip, BigInt(CODE + 1))
    assert.equal(machine.get('cr2'), BigInt(DATA + 0x3000))
    assert.equal(machine.get('rdi'), BigInt(DATA + 0x3000))
    assert.equal(machine.get('rcx'), BigInt(0x1_0000 - 0x3000))
    assert.equal(ending.rflags & 1n, 1n) // The others are dead there, and may be anything.
    assert.equal(machine.read8(DATA_PHYSICAL + 0x2fff), (0x1_0000 - 0x2fff) & 0xff)
    assertHot(machine)
  })

  test('a division by 0 after many that are none', () => {
    const machine = machineWith()
    // mov eax, 100; xor edx, edx; div ecx; dec ecx; jmp back
    machine.program(...[0xb8, ...little(100)], 0x31, 0xd2, 0xf7, 0xf1, 0xff, 0xc9, 0xeb, 0xf3)
    machine.set('rcx', 5000)

    const ending = machine.run()

    assert.equal(ending.vector, 0)
    assert.equal(ending.rip, BigInt(CODE + 7))
    assert.deepEqual([machine.get('rax'), machine.get('rdx'), machine.get('rcx')], [100n, 0n, 0n])
    assertHot(machine)
  })

  test('a page becomes read-only while the loop that writes it is hot', () => {
    const machine = machineWith()
    // A handler that makes the page writable again: mov qword [table entry], …; invlpg; counts; drops the error code.
    const entry = machine.map(DATA, DATA_PHYSICAL, W | U)
    machine.map(KERNEL + 0x8_0000n, entry & ~0xfff, W)
    const alias = KERNEL + 0x8_0000n + BigInt(entry & 0xfff)
    const aliasBytes = Array.from({ length: 8 }, (_, i) => Number((alias >> BigInt(8 * i)) & 0xffn))
    machine.load(
      CODE_PHYSICAL + 0x1000,
      ...[0x50, 0x51], // push rax; push rcx
      ...[0x48, 0xb9, ...aliasBytes], // mov rcx, alias
      ...[0x48, 0x83, 0x09, 0x02], // or qword [rcx], 2
      ...[0x48, 0xc7, 0xc0, ...little(DATA)], // mov rax, DATA
      ...[0x0f, 0x01, 0x38], // invlpg [rax]
      ...increment(DATA + 0x1000),
      ...[0x59, 0x58], // pop rcx; pop rax
      ...[0x48, 0x83, 0xc4, 0x08], // add rsp, 8
      ...IRETQ,
    )
    machine.gate(14, { target: BigInt(CODE + 0x1000) })
    machine.program(
      ...movEcx(300_000),
      ...increment(DATA),
      ...[0xff, 0xc9, 0x75, 0xf5], // dec ecx; jnz
      HLT,
    )
    for (let i = 0; i < 3; i++) {
      assert.equal(machine.runOnce(), KICKED)
      // Another processor's doing, as it were: the entry, then the look-aside buffers.
      machine.write64(entry, machine.read64(entry) & ~W)
      machine.core.flushAll()
    }

    machine.run()

    assert.equal(machine.read64(DATA_PHYSICAL) & 0xffff_ffffn, 300_000n)
    assert.equal(machine.read64(DATA_PHYSICAL + 0x1000) & 0xffff_ffffn, 3n)
    assertHot(machine)
  })
})

describe('accesses that share a look into the look-aside buffer', () => {
  test('lie in two pages: the loop gets hot all the same', () => {
    for (const distance of [8, 16]) {
      const machine = machineWith()
      machine.program(
        ...movEcx(200_000),
        ...[0x48, 0x8b, 0x07], // mov rax, [rdi]
        ...[0x48, 0xff, 0x47, 0x08], // inc qword [rdi+8]
        ...[0x48, 0x01, 0x47, 0x10], // add [rdi+16], rax
        ...[0xff, 0xc9, 0x75, 0xf1], // dec ecx; jnz
        HLT,
      )
      const at = DATA_PHYSICAL + 0x1000 - distance
      machine.write64(at, 3n)
      machine.set('rdi', DATA + 0x1000 - distance)

      machine.run()

      assert.deepEqual(
        [0, 8, 16].map((offset) => machine.read64(at + offset)),
        [3n, 200_000n, 600_000n],
      )
      assertHot(machine)
    }
  })

  test('the second page is not there: the fault is that of its access', () => {
    const machine = machineWith()
    // mov rax, [rdi]; inc qword [rdi+8]; add rdi, 8; jmp back
    machine.program(0x48, 0x8b, 0x07, 0x48, 0xff, 0x47, 0x08, 0x48, 0x83, 0xc7, 0x08, 0xeb, 0xf3)
    machine.set('rdi', DATA)

    const ending = machine.run()

    assert.equal(ending.vector, 14)
    assert.equal(ending.rip, BigInt(CODE + 3))
    assert.equal(machine.get('rdi'), BigInt(DATA + 0x3000 - 8))
    assert.equal(machine.get('rax'), 1n)
    assert.equal(machine.get('cr2'), BigInt(DATA + 0x3000))
  })
})

describe('regions that follow each other', () => {
  /** One `inc` in each of many pages, more than a region has, each with a jump to the next; at last `dec ecx; jnz`. */
  const PAGES = 40
  const FIRST = 0x400_0000
  const PHYSICAL = 0x80_0000
  function ring(): BareMachine {
    const machine = machineWith({ threshold: 2, atOnce: true })
    for (let i = 0; i < PAGES; i++) {
      machine.map(FIRST + i * 0x1000, PHYSICAL + i * 0x1000, U | W)
      machine.load(PHYSICAL + i * 0x1000, 0x48, 0xff, 0xc0, 0xe9, ...little(0x1000 - 8))
    }
    const last = PHYSICAL + (PAGES - 1) * 0x1000
    const back = -(PAGES - 1) * 0x1000 - 11
    machine.load(last, 0x48, 0xff, 0xc0, 0xff, 0xc9, 0x0f, 0x85, ...little(back), HLT)
    return machine
  }
  function go(machine: BareMachine, count: number): bigint {
    machine.set('rip', FIRST)
    machine.set('rax', 0)
    machine.set('rcx', count)
    machine.run()
    return machine.get('rax')
  }

  test('go round', () => {
    const machine = ring()
    assert.equal(go(machine, 20_000), BigInt(20_000 * PAGES))
    assertHot(machine)
  })

  test('and one of them is overwritten, remapped, and remapped back', () => {
    const machine = ring()
    assert.equal(go(machine, 5000), BigInt(5000 * PAGES))
    // A device writes: add rax, 3 instead of inc rax.
    const page = 25
    machine.load(PHYSICAL + page * 0x1000, 0x48, 0x83, 0xc0, 0x03, 0xe9, ...little(0x1000 - 9))
    assert.equal(go(machine, 5000), BigInt(5000 * (PAGES + 2)))
    // The same address in another page: sub rax, 1.
    const other = PHYSICAL + PAGES * 0x1000
    machine.load(other, 0x48, 0x83, 0xe8, 0x01, 0xe9, ...little(0x1000 - 9))
    machine.map(FIRST + page * 0x1000, other, U | W)
    machine.core.flushAll()
    assert.equal(go(machine, 5000), BigInt(5000 * (PAGES - 2)))
    machine.map(FIRST + page * 0x1000, PHYSICAL + page * 0x1000, U | W)
    machine.core.flushAll()
    assert.equal(go(machine, 5000), BigInt(5000 * (PAGES + 2)))
    assertHot(machine)
  })
})

describe('other code where a hot loop runs', () => {
  test('a device overwrites an instruction of the endless loop', () => {
    for (const way of ['call', 'ring'] as const) {
      const machine = machineWith()
      machine.program(0xff, 0xc0, 0x90, 0x90, 0xeb, 0xfa) // inc eax; nop; nop; jmp back
      for (let i = 0; i < 4; i++) assert.equal(machine.runOnce(), KICKED)
      assertHot(machine)
      const before = machine.get('rax')
      if (way === 'call') machine.load(CODE_PHYSICAL + 2, HLT)
      else {
        machine.view.setUint8(machine.base + CODE_PHYSICAL + 2, HLT)
        machine.view.setUint32(MAILBOX + 0x400, CODE_PHYSICAL >> 12, true)
        machine.view.setUint32(MAILBOX + 8, 1, true)
      }

      machine.run()

      // Neither sooner nor later than at the next turn.
      assert.equal(machine.get('rip'), BigInt(CODE + 3))
      assert.ok(machine.get('rax') - before <= 1n)
    }
  })

  test('the loop overwrites its own second page', () => {
    const machine = machineWith({ threshold: 2, atOnce: true })
    // inc eax; cmp eax, 1000; jne +3; mov byte [rbx], HLT; then over the page's end: dec ecx; jnz back
    machine.load(CODE_PHYSICAL + 0xff4, 0xff, 0xc0, 0x3d, ...little(1000), 0x75, 0x03, 0xc6, 0x03, HLT)
    machine.load(CODE_PHYSICAL + 0x1000, 0xff, 0xc9, 0x75, 0xf0)
    machine.set('rip', CODE + 0xff4)
    machine.set('rax', 0)
    machine.set('rcx', 100_000)
    machine.set('rbx', CODE + 0x1000)

    machine.run()

    assert.equal(machine.get('rip'), BigInt(CODE + 0x1001))
    assert.equal(machine.get('rax'), 1000n)
    assertHot(machine)
  })

  test('the page that the loop jumps to is remapped while it is hot', () => {
    const machine = machineWith({ threshold: 2, atOnce: true })
    machine.load(CODE_PHYSICAL + 0xffc, 0xff, 0xc0, 0x66, 0x90) // inc eax; a nop of two bytes, then the next page
    machine.load(CODE_PHYSICAL + 0x1000, 0xff, 0xc9, 0x75, 0xf8, HLT) // dec ecx; jnz back; hlt
    // The same place on another page: inc ebx; hlt
    machine.load(DATA_PHYSICAL, 0xff, 0xc3, HLT)
    const run = (count: number): void => {
      machine.set('rip', CODE + 0xffc)
      machine.set('rax', 0)
      machine.set('rbx', 0)
      machine.set('rcx', count)
      machine.run()
    }
    run(50_000)
    assert.equal(machine.get('rax'), 50_000n)
    assertHot(machine)
    machine.map(CODE + 0x1000, DATA_PHYSICAL, U | W)
    machine.core.flushAll()

    run(50_000)

    assert.deepEqual([machine.get('rax'), machine.get('rbx')], [1n, 1n])
    machine.map(CODE + 0x1000, CODE_PHYSICAL + 0x1000, U | W)
    machine.core.flushAll()
    run(1000)
    assert.deepEqual([machine.get('rax'), machine.get('rbx')], [1000n, 0n])
  })

  test('the same physical page at two addresses, with data relative to RIP', () => {
    const machine = machineWith({ threshold: 2, atOnce: true })
    // inc dword [rip + 0x200000 - 6]; dec ecx; jnz back; hlt: what it counts lies 0x200000 behind it
    machine.program(0xff, 0x05, ...little(0x20_0000 - 6), 0xff, 0xc9, 0x75, 0xf6, HLT)
    machine.map(0x100_0000, CODE_PHYSICAL, W)
    machine.map(0x100_0000 + 0x20_0000, DATA_PHYSICAL + 0x1000, W)
    for (const [rip, count] of [
      [CODE, 1000],
      [0x100_0000, 2000],
      [CODE, 3000],
    ] as const) {
      machine.set('rip', rip)
      machine.set('rcx', count)
      machine.run()
    }
    assert.equal(machine.read64(DATA_PHYSICAL) & 0xffff_ffffn, 4000n)
    assert.equal(machine.read64(DATA_PHYSICAL + 0x1000) & 0xffff_ffffn, 2000n)
    assertHot(machine)
  })

  test('kernel and user run the same code', () => {
    const machine = machineWith({ threshold: 2, atOnce: true })
    machine.program(0x0f, 0x01, 0xe0, 0xff, 0xc9, 0x75, 0xf9, 0xcc) // smsw eax; dec ecx; jnz back; int3
    for (const mode of ['user', 'kernel', 'user'] as const) {
      machine.mode(mode)
      machine.set('rip', CODE)
      machine.set('rcx', 500)
      const { cs, vector, rip } = machine.run()
      assert.deepEqual([vector, rip, cs & 3], [3, BigInt(CODE + 8), mode === 'user' ? 3 : 0])
    }
  })
})

describe('debugging of hot code', () => {
  test('a breakpoint on an instruction in the middle of the loop', () => {
    const machine = machineWith({ threshold: 2, atOnce: true })
    // The handler counts, and lets the instruction run: or dword [rsp+18], RF
    machine.load(
      CODE_PHYSICAL + 0x1000,
      ...increment(DATA),
      0x81,
      0x4c,
      0x24,
      0x10,
      ...little(0x1_0000),
      ...IRETQ,
    )
    machine.gate(1, { target: BigInt(CODE + 0x1000) })
    machine.program(0xff, 0xc0, 0xff, 0xc3, 0xff, 0xc9, 0x75, 0xf8, HLT) // inc eax; inc ebx; dec ecx; jnz; hlt
    const run = (): void => {
      machine.set('rip', CODE)
      machine.set('rbx', 0)
      machine.set('rcx', 1000)
      machine.run()
      assert.equal(machine.get('rbx'), 1000n)
    }
    run()
    assertHot(machine)
    assert.equal(machine.read64(DATA_PHYSICAL), 0n)
    // As a debugger does, by MOV to DR7.
    machine.load(CODE_PHYSICAL + 0x800, 0x0f, 0x23, 0xc0, 0x0f, 0x23, 0xfa, HLT) // mov dr0, rax; mov dr7, rdx; hlt
    const setBreakpoint = (control: number): void => {
      machine.set('rip', CODE + 0x800)
      machine.set('rax', CODE + 2)
      machine.set('rdx', control)
      machine.run()
    }
    setBreakpoint(0x401)
    run()
    assert.equal(machine.read64(DATA_PHYSICAL), 1000n)
    setBreakpoint(0x400)
    run()
    assert.equal(machine.read64(DATA_PHYSICAL), 1000n)
  })

  test('a watchpoint on what the loop writes', () => {
    const machine = machineWith({ threshold: 2, atOnce: true })
    machine.load(CODE_PHYSICAL + 0x1000, ...increment(DATA + 0x1000), ...IRETQ)
    machine.gate(1, { target: BigInt(CODE + 0x1000) })
    machine.program(...increment(DATA), 0xff, 0xc9, 0x75, 0xf5, HLT)
    const run = (): void => {
      machine.set('rip', CODE)
      machine.set('rcx', 300)
      machine.run()
    }
    run()
    assertHot(machine)
    machine.load(CODE_PHYSICAL + 0x800, 0x0f, 0x23, 0xc0, 0x0f, 0x23, 0xfa, HLT)
    machine.set('rip', CODE + 0x800)
    machine.set('rax', DATA)
    machine.set('rdx', 0xd0401) // DR0, writes of four bytes
    machine.run()
    run()
    assert.equal(machine.read64(DATA_PHYSICAL) & 0xffff_ffffn, 600n)
    assert.equal(machine.read64(DATA_PHYSICAL + 0x1000) & 0xffff_ffffn, 300n)
  })
})
