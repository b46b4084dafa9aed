// Single step and hardware breakpoints, as gdb and ptrace in the guest use them. SDM volume 3, chapter 18.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  BareMachine,
  CODE,
  CODE_PHYSICAL,
  DATA,
  DATA_PHYSICAL,
  type Ending,
  KERNEL_CS,
  U,
  W,
} from './bare-machine.ts'

const DEBUG = 1
const TF = 0x100n
const RF = 0x1_0000n
const BS = 0x4000n
const NOP = 0x90
const HLT = 0xf4
const UD2 = [0x0f, 0x0b]

/** Goes on in user mode where `end` interrupted, with the flags of the frame. */
function resume(machine: BareMachine, end: Ending): void {
  machine.mode('user')
  machine.set('rsp', end.rsp)
  machine.set('rip', end.rip)
  machine.set('rflags', end.rflags)
}

function userProgram(...bytes: number[]): BareMachine {
  const machine = new BareMachine()
  machine.program(...bytes)
  machine.mode('user')
  return machine
}

describe('single step', () => {
  test('a trap after each instruction, DR6.BS set, TF clear in the handler', () => {
    const machine = userProgram(NOP, 0x48, 0xff, 0xc0, 0xeb, 0x00, NOP, ...UD2) // nop; inc rax; jmp +0; nop
    machine.set('rflags', 2n | TF)
    const seen: bigint[] = []
    for (let i = 0; i < 4; i++) {
      const end = machine.run()
      assert.deepEqual([end.vector, machine.get('dr6') & BS, end.rflags & TF], [DEBUG, BS, TF])
      assert.equal(machine.core.readRflags() & TF, 0n)
      seen.push(end.rip - BigInt(CODE))
      resume(machine, end)
    }
    assert.deepEqual(seen, [1n, 4n, 6n, 7n])
  })
  test('POPF that sets TF: the trap comes after the next instruction', () => {
    const machine = userProgram(0x68, 0x02, 0x01, 0, 0, 0x9d, NOP, NOP) // push 102h; popfq; nop; nop
    const end = machine.run()
    assert.deepEqual([end.vector, end.rip], [DEBUG, BigInt(CODE + 7)])
  })
  test('a repeated instruction traps after each iteration', () => {
    const machine = userProgram(0xf3, 0xaa, NOP) // rep stosb
    machine.set('rdi', DATA)
    machine.set('rcx', 3)
    machine.set('rflags', 2n | TF)
    const seen: [bigint, bigint][] = []
    for (let i = 0; i < 3; i++) {
      const end = machine.run()
      assert.equal(end.vector, DEBUG)
      seen.push([machine.get('rcx'), end.rip - BigInt(CODE)])
      resume(machine, end)
    }
    assert.deepEqual(seen, [
      [2n, 0n],
      [1n, 0n],
      [0n, 2n],
    ])
  })
  test('SYSCALL masks TF: no trap in the kernel, R11 keeps it', () => {
    const machine = userProgram(0x0f, 0x05)
    machine.set('star', BigInt(KERNEL_CS) << 32n)
    machine.set('lstar', CODE + 0x100)
    machine.set('fmask', 0x4_7700n)
    machine.load(CODE_PHYSICAL + 0x100, NOP, HLT)
    machine.set('rflags', 2n | TF)
    const end = machine.run()
    assert.deepEqual([end.vector, machine.get('r11')], [undefined, 2n | TF])
  })
  test('an instruction that faults does not trap', () => {
    const machine = userProgram(...UD2)
    machine.set('rflags', 2n | TF)
    assert.equal(machine.run().vector, 6)
  })
})

describe('hardware breakpoints', () => {
  test('an instruction breakpoint is a fault before the instruction, and RF lets it pass once', () => {
    const machine = userProgram(0x48, 0xff, 0xc0, 0xeb, 0xfb) // inc rax; jmp back
    machine.program(0x0f, 0x23, 0xc0, 0x0f, 0x23, 0xfb, HLT) // mov dr0, rax; mov dr7, rbx
    machine.mode('kernel')
    machine.set('rax', CODE + 0x100)
    machine.set('rbx', 1) // L0, execute
    machine.run()
    machine.load(CODE_PHYSICAL + 0x100, 0x48, 0xff, 0xc0, 0xeb, 0xfb)
    machine.mode('user')
    machine.set('rip', CODE + 0x100)
    machine.set('rax', 0)
    for (let round = 0n; round < 3n; round++) {
      const end = machine.run()
      assert.deepEqual([end.vector, end.rip, machine.get('rax')], [DEBUG, BigInt(CODE + 0x100), round])
      assert.equal(machine.get('dr6') & 0xfn, 1n)
      resume(machine, { ...end, rflags: end.rflags | RF })
    }
  })
  test('RF that the handler’s IRET sets lets the instruction pass, and each iteration of a repetition', () => {
    const machine = new BareMachine()
    machine.program(0x0f, 0x23, 0xc0, 0x0f, 0x23, 0xfb, HLT) // mov dr0, rax; mov dr7, rbx
    machine.set('rax', CODE + 0x100)
    machine.set('rbx', 1)
    machine.run()
    // The handler: inc r8; or dword [rsp+16], RF; iretq
    machine.load(CODE_PHYSICAL + 0x200, 0x49, 0xff, 0xc0, 0x81, 0x4c, 0x24, 0x10, 0, 0, 1, 0, 0x48, 0xcf)
    machine.gate(DEBUG, { target: BigInt(CODE + 0x200) })
    machine.load(CODE_PHYSICAL + 0x100, 0xf3, 0xaa, HLT) // rep stosb
    machine.set('rip', CODE + 0x100)
    machine.set('rcx', 5)
    machine.set('rdi', DATA)
    machine.set('r8', 0)
    assert.equal(machine.run().vector, undefined)
    assert.deepEqual([machine.get('rcx'), machine.get('r8')], [0n, 1n])
  })
  test('a write breakpoint traps after the write, and only for its bytes', () => {
    const machine = new BareMachine()
    machine.program(0x0f, 0x23, 0xc8, 0x0f, 0x23, 0xfb, HLT) // mov dr1, rax; mov dr7, rbx
    machine.set('rax', DATA + 0x104)
    machine.set('rbx', 0x00d0_0004) // L1, write, 4 bytes
    machine.run()
    // mov [rcx], dl (below); mov al, [rcx+4] (a read); mov [rcx+7], dl (the last byte); nop
    machine.program(0x88, 0x11, 0x8a, 0x41, 0x01, 0x88, 0x51, 0x04, NOP, ...UD2)
    machine.mode('user')
    machine.set('rcx', DATA + 0x103)
    machine.set('rdx', 0x5a)
    const end = machine.run()
    assert.deepEqual([end.vector, end.rip, machine.get('dr6') & 0xfn], [DEBUG, BigInt(CODE + 8), 2n])
    assert.equal(machine.read8(DATA_PHYSICAL + 0x107), 0x5a)
  })
  test('a read-write breakpoint sees reads', () => {
    const machine = new BareMachine()
    machine.map(0x80_0000_0000n, DATA_PHYSICAL, U | W)
    machine.program(0x0f, 0x23, 0xc0, 0x0f, 0x23, 0xfb, HLT)
    machine.set('rax', 0x80_0000_0008n)
    machine.set('rbx', 0x000b_0001) // L0, read or write, 8 bytes
    machine.run()
    machine.program(0x48, 0x8b, 0x01, NOP) // mov rax, [rcx]
    machine.mode('user')
    machine.set('rcx', 0x80_0000_0008n)
    const end = machine.run()
    assert.deepEqual([end.vector, end.rip], [DEBUG, BigInt(CODE + 3)])
  })
})
