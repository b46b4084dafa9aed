// Interrupts and time: STI's shadow, priorities, local APIC timer in its three modes, IO-APIC, HLT, kvmclock. SDM
// volume 3, chapters 6 and 11. Time is virtual: one instruction is one tick.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BareMachine, CODE, CODE_PHYSICAL, DATA, DATA_PHYSICAL, W } from './bare-machine.ts'

const LOCAL_APIC = 0xfee0_0000
const IO_APIC = 0xfec0_0000
const HLT = 0xf4
const NOP = 0x90
/** jmp +0: registers of the APICs take effect at the next jump at the latest, as they need their time on hardware. */
const JUMP = [0xeb, 0x00]
const STI = 0xfb
const CLI = 0xfa
const HALTED = 1
const VECTOR = 0x41

/** wrmsr with constants. */
const writeMsr = (msr: number, value: bigint): number[] => [
  ...[0xb9, ...little(BigInt(msr))],
  ...[0xb8, ...little(value & 0xffff_ffffn)],
  ...[0xba, ...little(value >> 32n)],
  ...[0x0f, 0x30],
]
/** mov dword [address], value with RBX = the device's page. */
const writeRegister = (offset: number, value: number): number[] => [
  0xc7,
  0x83,
  ...little(BigInt(offset)),
  ...little(BigInt(value)),
]
function little(value: bigint): number[] {
  return [0n, 8n, 16n, 24n].map((shift) => Number((value >> shift) & 0xffn))
}

/** A machine whose local APIC is on, mapped at RBX. */
function withApic(...program: number[]): BareMachine {
  const machine = new BareMachine()
  machine.map(LOCAL_APIC, LOCAL_APIC, W)
  machine.map(IO_APIC, IO_APIC, W)
  machine.program(...writeRegister(0xf0, 0x1ff), ...program)
  machine.set('rbx', LOCAL_APIC)
  return machine
}
/** inc dword [DATA]; EOI through RBX; iretq: counts how often the vector came. */
function countingHandler(machine: BareMachine, vector: number): void {
  machine.load(
    CODE_PHYSICAL + 0x1000,
    ...[0xff, 0x04, 0x25, ...little(BigInt(DATA))],
    ...writeRegister(0xb0, 0),
    ...[0x48, 0xcf],
  )
  machine.gate(vector, { target: BigInt(CODE + 0x1000) })
}
const selfIpi = (vector: number): number[] => writeRegister(0x300, 0x4_0000 | vector)

describe('when an interrupt is taken', () => {
  test('not before the instruction after STI', () => {
    const machine = withApic(...selfIpi(VECTOR), STI, 0x48, 0xff, 0xc0, 0x48, 0xff, 0xc0, CLI, HLT) // inc rax twice
    machine.set('rax', 0)
    const end = machine.run()
    assert.deepEqual([end.vector, machine.get('rax')], [VECTOR, 1n])
  })
  test('STI and CLI next to each other let none through', () => {
    const machine = withApic(...selfIpi(VECTOR), STI, CLI, NOP, HLT)
    assert.equal(machine.run().vector, undefined)
  })
  test('STI; HLT with one pending: taken in the HLT, which it ends', () => {
    const machine = withApic(...selfIpi(VECTOR), STI, HLT, NOP)
    const end = machine.run()
    assert.equal(end.vector, VECTOR)
    const hlt = BigInt(CODE + 20 + 1)
    assert.equal(end.rip, hlt + 1n)
  })
  test('MOV SS holds interrupts off for one instruction', () => {
    // sti; nop ends STI's own shadow; the IPI comes with interrupts on and is taken at once.
    const machine = withApic(STI, NOP, ...selfIpi(VECTOR), ...JUMP, CLI, HLT)
    assert.equal(machine.run().vector, VECTOR)
    const other = withApic(0x8c, 0xd1, ...selfIpi(VECTOR), STI, 0x8e, 0xd1, 0x48, 0xff, 0xc0, CLI, HLT) // mov ss, ecx; inc rax
    other.set('rax', 0)
    assert.deepEqual([other.run().vector, other.get('rax')], [VECTOR, 1n])
  })
  test('POPF and IRETQ that set IF let it in at once', () => {
    const machine = withApic(...selfIpi(VECTOR), 0x68, 0x02, 0x02, 0, 0, 0x9d, 0x48, 0xff, 0xc0, CLI, HLT)
    machine.set('rax', 0)
    assert.deepEqual([machine.run().vector, machine.get('rax')], [VECTOR, 0n])
  })
})

describe('priorities', () => {
  test('the higher vector first', () => {
    const machine = withApic(...selfIpi(0x51), ...selfIpi(0x81), ...selfIpi(0x61), STI, NOP, HLT)
    assert.equal(machine.run().vector, 0x81)
  })
  test('CR8 holds back its class and those below', () => {
    const blocked = withApic(0xb8, 5, 0, 0, 0, 0x44, 0x0f, 0x22, 0xc0, ...selfIpi(0x51), STI, NOP, CLI, HLT) // mov cr8, rax
    assert.equal(blocked.run().vector, undefined)
    const passed = withApic(0xb8, 5, 0, 0, 0, 0x44, 0x0f, 0x22, 0xc0, ...selfIpi(0x61), STI, NOP, CLI, HLT)
    assert.equal(passed.run().vector, 0x61)
  })
  test('TPR in the APIC and CR8 are the same', () => {
    const machine = withApic(...writeRegister(0x80, 0x70), 0x44, 0x0f, 0x20, 0xc0, HLT) // mov rax, cr8
    machine.run()
    assert.equal(machine.get('rax'), 7n)
    const other = withApic(0xb8, 9, 0, 0, 0, 0x44, 0x0f, 0x22, 0xc0, 0x8b, 0x83, 0x80, 0, 0, 0, HLT) // mov eax, [rbx+80h]
    other.run()
    assert.equal(other.get('rax'), 0x90n)
  })
  test('one in service holds back its class until EOI', () => {
    const machine = withApic(...selfIpi(0x55), STI, NOP, NOP, HLT)
    // The handler lets interrupts in, sends another of its class, then ends its own.
    machine.load(
      CODE_PHYSICAL + 0x1000,
      ...selfIpi(0x56),
      STI,
      NOP,
      0x48,
      0xff,
      0xc0,
      ...writeRegister(0xb0, 0),
      ...JUMP,
      CLI,
      HLT,
    )
    machine.gate(0x55, { target: BigInt(CODE + 0x1000) })
    machine.set('rax', 0)
    assert.deepEqual([machine.run().vector, machine.get('rax')], [0x56, 1n])
  })
  test('a disabled APIC delivers nothing', () => {
    const machine = withApic(...writeRegister(0xf0, 0xff), ...selfIpi(VECTOR), STI, NOP, CLI, HLT)
    assert.equal(machine.run().vector, undefined)
  })
})

describe('the local APIC timer', () => {
  const DIVIDE_BY_1 = writeRegister(0x3e0, 0xb)
  /** dec ecx; jnz: spins `rcx` times, then CLI and HLT. */
  const spin = [0xff, 0xc9, 0x75, 0xfc, CLI, HLT]
  test('one shot: once, after its count', () => {
    const machine = withApic(
      ...DIVIDE_BY_1,
      ...writeRegister(0x320, VECTOR),
      ...writeRegister(0x380, 200_000),
      STI,
      ...spin,
    )
    countingHandler(machine, VECTOR)
    machine.set('rcx', 500_000)
    assert.equal(machine.run().vector, undefined)
    assert.equal(machine.read64(DATA_PHYSICAL), 1n)
  })
  test('periodic: again and again', () => {
    const machine = withApic(
      ...DIVIDE_BY_1,
      ...writeRegister(0x320, 0x2_0000 | VECTOR),
      ...writeRegister(0x380, 100_000),
      STI,
      ...spin,
    )
    countingHandler(machine, VECTOR)
    machine.set('rcx', 500_000)
    machine.run()
    const times = Number(machine.read64(DATA_PHYSICAL))
    assert.ok(times >= 9 && times <= 10, `${times} times in a million ticks`)
  })
  test('the divider counts', () => {
    const machine = withApic(
      ...writeRegister(0x3e0, 0x3),
      ...writeRegister(0x320, 0x2_0000 | VECTOR),
      ...writeRegister(0x380, 10_000),
      STI,
      ...spin,
    )
    countingHandler(machine, VECTOR)
    machine.set('rcx', 500_000)
    machine.run()
    const times = Number(machine.read64(DATA_PHYSICAL))
    assert.ok(times >= 5 && times <= 7, `${times} times of 160,000 ticks in a million`)
  })
  test('masked: it counts and does not interrupt', () => {
    const machine = withApic(
      ...DIVIDE_BY_1,
      ...writeRegister(0x320, 0x1_0000 | VECTOR),
      ...writeRegister(0x380, 1000),
      STI,
      ...spin,
    )
    machine.set('rcx', 100_000)
    assert.equal(machine.run().vector, undefined)
  })
  test('TSC deadline: at that time, and reads as 0 afterwards', () => {
    const machine = withApic(
      ...writeRegister(0x320, 0x4_0000 | VECTOR),
      ...writeMsr(0x6e0, 300_000n),
      STI,
      0xb9,
      ...little(200_000n),
      ...spin,
    )
    countingHandler(machine, VECTOR)
    machine.run()
    assert.equal(machine.read64(DATA_PHYSICAL), 1n)
    machine.program(0xb9, ...little(0x6e0n), 0x0f, 0x32, HLT)
    machine.run()
    assert.equal(machine.get('rax'), 0n)
  })
  test('a deadline that has passed interrupts at once', () => {
    const machine = withApic(
      ...writeRegister(0x320, 0x4_0000 | VECTOR),
      STI,
      NOP,
      ...writeMsr(0x6e0, 1n),
      NOP,
      CLI,
      HLT,
    )
    assert.equal(machine.run().vector, VECTOR)
  })
  test('HLT tells how long to sleep', () => {
    const machine = withApic(
      ...DIVIDE_BY_1,
      ...writeRegister(0x320, VECTOR),
      ...writeRegister(0x380, 5_000_000),
      STI,
      HLT,
    )
    assert.equal(machine.runRaw(), HALTED)
    const sleep = machine.core.haltNanoseconds()
    assert.ok(sleep > 4_900_000 && sleep <= 5_000_000, `${sleep} ns`)
  })
})

describe('the IO-APIC', () => {
  /** Writes a redirection entry's low half through the two windows; RBX is the IO-APIC's page. */
  const redirect = (pin: number, value: number): number[] => [
    ...writeRegister(0, 0x10 + 2 * pin),
    ...writeRegister(0x10, value),
  ]
  const toIoApic = [0x48, 0xbb, ...little(BigInt(IO_APIC)), 0, 0, 0, 0]
  test('an edge becomes the vector of its entry', () => {
    const machine = withApic(...toIoApic, ...redirect(5, 0x45), STI, HLT, NOP)
    assert.equal(machine.runRaw(), HALTED)
    machine.raise(5)
    assert.equal(machine.run().vector, 0x45)
  })
  test('an edge on a masked input waits for the mask to go', () => {
    const machine = withApic(
      ...toIoApic,
      ...redirect(5, 0x1_0045),
      HLT,
      ...redirect(5, 0x45),
      STI,
      NOP,
      CLI,
      HLT,
    )
    assert.equal(machine.run().vector, undefined)
    machine.raise(5)
    assert.equal(machine.run().vector, 0x45)
  })
  test('several inputs in one kick all arrive', () => {
    const machine = withApic(
      ...toIoApic,
      ...redirect(1, 0x41),
      ...redirect(2, 0x52),
      ...redirect(23, 0x63),
      STI,
      HLT,
      NOP,
    )
    machine.runRaw()
    machine.raise(1, 2, 23)
    assert.equal(machine.run().vector, 0x63)
  })
  test('its version and entries can be read back', () => {
    const machine = withApic(
      ...toIoApic,
      ...redirect(3, 0x77),
      0x8b,
      0x43,
      0x10,
      ...writeRegister(0, 1),
      0x8b,
      0x4b,
      0x10,
      HLT,
    )
    machine.run()
    assert.deepEqual([machine.get('rax'), machine.get('rcx')], [0x77n, 0x17_0020n])
  })
})

describe('kvmclock', () => {
  test('the time page turns ticks into nanoseconds, one to one', () => {
    const machine = new BareMachine()
    machine.program(...writeMsr(0x4b56_4d01, BigInt(DATA_PHYSICAL + 1)), 0x0f, 0x31, HLT) // rdtsc
    machine.run()
    const version = machine.read64(DATA_PHYSICAL) & 0xffff_ffffn
    const timestamp = machine.read64(DATA_PHYSICAL + 8)
    const systemTime = machine.read64(DATA_PHYSICAL + 16)
    const multiplier = machine.read64(DATA_PHYSICAL + 24) & 0xffff_ffffn
    const shift = BigInt.asIntN(8, (machine.read64(DATA_PHYSICAL + 24) >> 32n) & 0xffn)
    assert.equal(version % 2n, 0n)
    const ticks = machine.get('rax') - timestamp
    assert.equal((((ticks + 1000n) << shift) * multiplier) >> 32n, ticks + 1000n)
    assert.equal(systemTime, timestamp)
  })
  test('a page outside of RAM is refused without harm', () => {
    const machine = new BareMachine()
    machine.program(...writeMsr(0x4b56_4d01, 0xff_ffff_f001n), HLT)
    assert.equal(machine.run().vector, undefined)
  })
  test('RDTSC goes on, RDTSCP tells the processor', () => {
    const machine = new BareMachine()
    machine.program(...writeMsr(0xc000_0103, 0x1234n), 0x0f, 0x31, 0x48, 0x89, 0xc6, 0x0f, 0x01, 0xf9, HLT) // rdtsc; mov rsi, rax; rdtscp
    machine.run()
    assert.ok(machine.get('rax') >= machine.get('rsi'))
    assert.equal(machine.get('rcx'), 0x1234n)
  })
})
