// Delivery of exceptions and interrupts through the IDT, the ways back, and entry to the kernel, without a host
// oracle. SDM volume 3, chapter 6; volume 2: IRET, SYSCALL, SYSRET, INT n.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  BareMachine,
  CODE,
  DATA,
  HALTS,
  IST1,
  KERNEL,
  KERNEL_CS,
  KERNEL_SS,
  P,
  RSP0,
  USER_CS,
  USER_SS,
  W,
} from './bare-machine.ts'

const HLT = 0xf4
const UD2 = [0x0f, 0x0b]
const IRETQ = [0x48, 0xcf]
const RF = 0x1_0000n
const IF = 0x200n
const TRIPLE_FAULT = 2
/** A high address that is mapped for nobody. */
const NOWHERE = KERNEL + 0x100_0000n

describe('the frame and the stack', () => {
  test('from user mode: RSP0, aligned, with the user segments', () => {
    const machine = new BareMachine()
    machine.program(...UD2)
    machine.mode('user')
    machine.set('rsp', DATA + 0x1003)
    machine.set('rflags', 0x202n | 0x1n)
    const end = machine.run()
    assert.deepEqual(end, {
      vector: 6,
      error: undefined,
      rip: BigInt(CODE),
      cs: USER_CS,
      rflags: 0x203n | RF,
      rsp: BigInt(DATA + 0x1003),
      ss: USER_SS,
    })
    assert.equal(machine.get('rsp'), RSP0 - 40n)
    assert.equal(machine.cpl(), 0)
    // A switch to ring 0 loads SS with a null selector.
    assert.deepEqual(machine.selectors(), { cs: KERNEL_CS, ss: 0 })
  })
  test('from the kernel: the same stack, aligned to 16 bytes', () => {
    const machine = new BareMachine()
    machine.program(...UD2)
    machine.set('rsp', KERNEL + 0x6ffbn)
    const end = machine.run()
    assert.deepEqual([end.vector, end.cs, end.ss, end.rsp], [6, KERNEL_CS, KERNEL_SS, KERNEL + 0x6ffbn])
    assert.equal(machine.get('rsp'), KERNEL + 0x6ff0n - 40n)
  })
  test('an IST stack is taken whatever the privilege was', () => {
    const machine = new BareMachine()
    machine.gate(6, { ist: 1 })
    machine.program(...UD2)
    const end = machine.run()
    assert.deepEqual([end.vector, end.rsp, machine.get('rsp')], [6, KERNEL + 0x7000n, IST1 - 40n])
  })
  test('an interrupt gate clears IF, a trap gate does not', () => {
    for (const [type, flag] of [
      [0x8e, 0n],
      [0x8f, IF],
    ] as const) {
      const machine = new BareMachine()
      machine.gate(6, { type })
      // The trap gate's HLT with IF set would wait for an interrupt: stop at UD2 once more instead.
      machine.gate(6, { type, target: BigInt(CODE + 0x100) })
      machine.load(0x50_0100, 0x9c, 0x58, 0xfa, HLT) // pushfq; pop rax; cli; hlt
      machine.program(...UD2)
      machine.set('rflags', 0x202n)
      machine.run()
      assert.equal(machine.get('rax') & IF, flag)
    }
  })
  test('INT n from user mode needs a gate of DPL 3', () => {
    const machine = new BareMachine()
    machine.program(0xcd, 0x80)
    machine.mode('user')
    assert.deepEqual([machine.run().error, machine.get('rip')], [0x80 * 8 + 2, HALTS + 14n])
    machine.gate(0x80, { type: 0xee })
    machine.program(0xcd, 0x80)
    machine.mode('user')
    const end = machine.run()
    // A software interrupt returns behind itself, and RF is not set.
    assert.deepEqual([end.vector, end.rip, end.rflags & RF], [0x80, BigInt(CODE + 2), 0n])
  })
  test('INT3 returns behind itself', () => {
    const machine = new BareMachine()
    machine.program(0xcc)
    machine.mode('user')
    const end = machine.run()
    assert.deepEqual([end.vector, end.rip], [3, BigInt(CODE + 1)])
  })
  test('a gate that is not present gives #NP with its selector', () => {
    const machine = new BareMachine()
    machine.gate(6, { type: 0x0e })
    machine.program(...UD2)
    const end = machine.run()
    assert.deepEqual([end.vector, end.error], [11, 6 * 8 + 2])
  })
})

describe('exceptions during delivery', () => {
  test('a page fault during a page fault is a double fault', () => {
    const machine = new BareMachine()
    machine.gate(8, { ist: 1 })
    machine.program(0x8a, 0x03) // mov al, [rbx]
    machine.set('rbx', NOWHERE)
    machine.set('rsp', NOWHERE)
    const end = machine.run()
    assert.deepEqual([end.vector, end.error, end.rip, end.rsp], [8, 0, BigInt(CODE), NOWHERE])
  })
  test('#UD whose stack is missing becomes that page fault', () => {
    const machine = new BareMachine()
    machine.gate(14, { ist: 1 })
    machine.program(...UD2)
    machine.set('rsp', NOWHERE)
    const end = machine.run()
    assert.deepEqual([end.vector, end.error, machine.get('cr2')], [14, 2, NOWHERE - 8n])
  })
  test('a double fault that cannot be delivered ends the machine', () => {
    const machine = new BareMachine()
    machine.program(0x8a, 0x03)
    machine.set('rbx', NOWHERE)
    machine.set('rsp', NOWHERE)
    assert.equal(machine.runRaw(), TRIPLE_FAULT)
  })
})

describe('IRETQ', () => {
  /** A frame on the kernel's stack, then IRETQ. */
  const iret = (
    machine: BareMachine,
    frame: { rip: bigint; cs: number; rflags: bigint; rsp: bigint; ss: number },
  ): void => {
    machine.program(...IRETQ)
    const top = 0x30_7000 - 40
    for (const [i, word] of [
      frame.rip,
      BigInt(frame.cs),
      frame.rflags,
      frame.rsp,
      BigInt(frame.ss),
    ].entries()) {
      machine.write64(top + i * 8, word)
    }
    machine.set('rsp', KERNEL + 0x7000n - 40n)
  }
  const toUser = {
    rip: BigInt(CODE + 0x100),
    cs: USER_CS,
    rflags: 0x203n,
    rsp: BigInt(DATA + 0x800),
    ss: USER_SS,
  }
  test('to user mode', () => {
    const machine = new BareMachine()
    machine.load(0x50_0100, ...UD2)
    iret(machine, toUser)
    const end = machine.run()
    assert.deepEqual(end, { ...toUser, vector: 6, error: undefined, rflags: 0x203n | RF })
  })
  test('to an address that is not canonical: #GP(0) at the IRETQ', () => {
    const machine = new BareMachine()
    iret(machine, { ...toUser, rip: 0x8000_0000_0000n })
    const end = machine.run()
    assert.deepEqual([end.vector, end.error, end.rip, end.cs], [13, 0, BigInt(CODE), KERNEL_CS])
  })
  test('to a data segment: #GP with the selector', () => {
    const machine = new BareMachine()
    iret(machine, { ...toUser, cs: USER_SS })
    const end = machine.run()
    assert.deepEqual([end.vector, end.error], [13, USER_SS & ~3])
  })
  test('with a null stack segment for ring 3: #GP(0)', () => {
    const machine = new BareMachine()
    iret(machine, { ...toUser, ss: 0 })
    const end = machine.run()
    assert.deepEqual([end.vector, end.error], [13, 0])
  })
  test('in user mode IOPL and IF stay as they were', () => {
    const machine = new BareMachine()
    // push ss; push rsp; push flags; push cs; push rip — as user code does it with immediates
    machine.program(
      0x6a,
      USER_SS,
      0x54,
      0x68,
      0x03,
      0x30,
      0,
      0,
      0x6a,
      USER_CS,
      0x68,
      0x00,
      0x01,
      0x40,
      0x00,
      ...IRETQ,
    )
    machine.load(0x50_0100, ...UD2)
    machine.mode('user')
    machine.set('rflags', 0x202n)
    const end = machine.run()
    assert.deepEqual([end.vector, end.rflags & 0x3203n], [6, 0x203n])
  })
})

describe('SYSCALL and SYSRET', () => {
  const prepared = (): BareMachine => {
    const machine = new BareMachine()
    machine.set('star', (0x23n << 48n) | (BigInt(KERNEL_CS) << 32n))
    machine.set('lstar', CODE + 0x100)
    machine.set('fmask', 0x4_7700n) // as Linux: TF IF DF IOPL NT AC
    return machine
  }
  test('there: RCX, R11, masked flags, the stack stays', () => {
    const machine = prepared()
    machine.program(0x0f, 0x05)
    machine.load(0x50_0100, HLT)
    machine.mode('user')
    machine.set('rflags', 0x603n)
    const end = machine.run()
    assert.equal(end.vector, undefined)
    assert.deepEqual([machine.get('rcx'), machine.get('r11')], [BigInt(CODE + 2), 0x603n])
    assert.equal(machine.core.readRflags(), 3n)
    assert.deepEqual(
      [machine.cpl(), machine.selectors().cs, machine.selectors().ss],
      [0, KERNEL_CS, KERNEL_SS],
    )
    assert.equal(machine.get('rsp'), BigInt(DATA + 0x2000))
  })
  test('and back: RIP, flags without RF, user segments', () => {
    const machine = prepared()
    machine.program(0x48, 0x0f, 0x07)
    machine.load(0x50_0200, ...UD2)
    machine.set('rcx', CODE + 0x200)
    machine.set('r11', 0x1_0247n)
    const end = machine.run()
    assert.deepEqual(
      [end.vector, end.rip, end.rflags & ~RF, end.cs, end.ss],
      [6, BigInt(CODE + 0x200), 0x247n, USER_CS, USER_SS],
    )
  })
  test('SYSRET to an address that is not canonical: #GP(0) in the kernel', () => {
    const machine = prepared()
    machine.program(0x48, 0x0f, 0x07)
    machine.set('rcx', 0x8000_0000_0000n)
    const end = machine.run()
    assert.deepEqual([end.vector, end.error, end.cs], [13, 0, KERNEL_CS])
  })
  test('without EFER.SCE: #UD', () => {
    const machine = prepared()
    machine.set('efer', machine.get('efer') & ~1n)
    machine.program(0x0f, 0x05)
    machine.mode('user')
    assert.equal(machine.run().vector, 6)
  })
})

describe('privileged instructions in user mode', () => {
  const instructions: [string, number[]][] = [
    ['HLT', [0xf4]],
    ['CLI', [0xfa]],
    ['STI', [0xfb]],
    ['IN', [0xec]],
    ['OUT', [0xee]],
    ['MOV from CR0', [0x0f, 0x20, 0xc0]],
    ['MOV to CR3', [0x0f, 0x22, 0xd8]],
    ['MOV from DR7', [0x0f, 0x21, 0xf8]],
    ['RDMSR', [0x0f, 0x32]],
    ['WRMSR', [0x0f, 0x30]],
    ['LGDT', [0x0f, 0x01, 0x13]],
    ['LIDT', [0x0f, 0x01, 0x1b]],
    ['INVLPG', [0x0f, 0x01, 0x3b]],
    ['SWAPGS', [0x0f, 0x01, 0xf8]],
    ['CLTS', [0x0f, 0x06]],
    ['WBINVD', [0x0f, 0x09]],
    ['SYSRET', [0x48, 0x0f, 0x07]],
    ['LTR', [0x0f, 0x00, 0xd8]],
    ['LLDT', [0x0f, 0x00, 0xd0]],
    ['LMSW', [0x0f, 0x01, 0xf0]],
  ]
  for (const [name, bytes] of instructions) {
    test(`${name} gives #GP(0)`, () => {
      const machine = new BareMachine()
      machine.program(...bytes)
      machine.mode('user')
      machine.set('rbx', DATA)
      const end = machine.run()
      assert.deepEqual([end.vector, end.error, end.rip], [13, 0, BigInt(CODE)])
    })
  }
})

describe('coprocessor exceptions', () => {
  test('CR0.TS: x87, MMX and SSE give #NM, after CLTS they run', () => {
    for (const bytes of [
      [0xd9, 0xe8],
      [0x0f, 0x77],
      [0x0f, 0x57, 0xc0],
    ]) {
      const machine = new BareMachine()
      machine.set('cr0', machine.get('cr0') | 8n)
      machine.program(...bytes, HLT)
      assert.equal(machine.run().vector, 7)
      machine.program(0x0f, 0x06, ...bytes, HLT)
      machine.mode('kernel')
      assert.equal(machine.run().vector, undefined)
    }
  })
  test('without CR4.OSFXSR SSE gives #UD', () => {
    const machine = new BareMachine()
    machine.set('cr4', machine.get('cr4') & ~0x200n)
    machine.program(0x0f, 0x57, 0xc0, HLT)
    assert.equal(machine.run().vector, 6)
  })
  test('an instruction that is unknown gives #UD and is counted with its bytes', () => {
    const machine = new BareMachine()
    machine.program(0xc5, 0xf8, 0x77) // vzeroupper: AVX is not promised
    assert.equal(machine.run().vector, 6)
    assert.equal(machine.view.getUint32(0x2600, true), 1)
    assert.equal(machine.view.getUint8(0x2608), 0xc5)
  })
  test('tables for the frame may lie on read-only pages; the stack may not', () => {
    const machine = new BareMachine()
    machine.map(KERNEL + 0x1000n, 0x30_1000, 0n)
    machine.program(...UD2)
    assert.equal(machine.run().vector, 6)
    machine.map(KERNEL + 0x9000n, 0x30_9000, 0n)
    machine.gate(6, { ist: 1 })
    machine.core.flushAll()
    machine.program(...UD2)
    machine.mode('kernel')
    const end = machine.run()
    assert.deepEqual([end.vector, end.error], [14, Number(P | W)])
  })
})
