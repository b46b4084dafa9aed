// Code that changes: in the running block, in another one, across pages, through another mapping, by a device.
// The hardware needs no serialising instruction for a processor's own code (SDM volume 3, 9.1.3), nor do we.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { GUEST_BASE } from '../../../src/engine/soft/layout.ts'
import { BareMachine, CODE, CODE_PHYSICAL, DATA, DATA_PHYSICAL, P, U, W } from './bare-machine.ts'

const HLT = 0xf4
const NOP = 0x90

test('an instruction changes the next one of its own block', () => {
  const machine = new BareMachine()
  // mov byte [rip+1], 2 ; mov al, 1 → mov al, 2 ; hlt
  machine.program(0xc6, 0x05, 0x01, 0, 0, 0, 0x02, 0xb0, 0x01, HLT)
  machine.run()
  assert.equal(machine.get('rax') & 0xffn, 2n)
})

test('a loop changes its own immediate each time round', () => {
  const machine = new BareMachine()
  // again: mov al, 0 ; add bl, al ; inc byte [rip+imm of mov] ; dec ecx ; jnz again ; hlt
  machine.program(0xb0, 0x00, 0x00, 0xc3, 0xfe, 0x05, 0xf7, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x75, 0xf2, HLT)
  machine.set('rbx', 0)
  machine.set('rcx', 10)
  machine.run()
  assert.equal(machine.get('rbx') & 0xffn, 45n)
})

test('another block that has run is changed', () => {
  const machine = new BareMachine()
  machine.load(CODE_PHYSICAL + 0x100, 0xb0, 0x01, 0xc3) // mov al, 1; ret
  // call it; mov [rcx], dl; call it again; hlt
  machine.program(0xe8, 0xfb, 0, 0, 0, 0x88, 0x11, 0xe8, 0xf4, 0, 0, 0, HLT)
  machine.set('rcx', CODE + 0x101)
  machine.set('rdx', 7)
  machine.run()
  assert.equal(machine.get('rax') & 0xffn, 7n)
})

test('an instruction across two pages is changed in its second half', () => {
  const machine = new BareMachine()
  machine.load(CODE_PHYSICAL + 0xffe, 0x66, 0xb8, 0x11, 0x22, 0xc3) // mov ax, 2211h; ret
  machine.program(0xe8, 0xf9, 0x0f, 0, 0, 0x88, 0x11, 0xe8, 0xf2, 0x0f, 0, 0, HLT)
  machine.set('rcx', CODE + 0x1001)
  machine.set('rdx', 0x33)
  machine.run()
  assert.equal(machine.get('rax') & 0xffffn, 0x3311n)
})

test('an instruction across two pages: its second page is mapped elsewhere', () => {
  const machine = new BareMachine()
  machine.load(CODE_PHYSICAL + 0xffe, 0x66, 0xb8, 0x11, 0x22, HLT)
  machine.set('rip', CODE + 0xffe)
  machine.run()
  machine.load(DATA_PHYSICAL, 0x55, 0x66, HLT)
  machine.map(CODE + 0x1000, DATA_PHYSICAL, U | W)
  machine.core.flushAll()
  machine.set('rip', CODE + 0xffe)
  machine.run()
  assert.equal(machine.get('rax') & 0xffffn, 0x6655n)
})

describe('code goes on in a page that is mapped elsewhere from one time to the next', () => {
  const NEXT_PAGE = CODE + 0x1000
  const PAGE_TABLE = 0x80_0000_0000n
  const rel32 = (from: number, to: number): number[] => [
    ...new Uint8Array(new Int32Array([to - from]).buffer),
  ]
  const LEA_R9 = [0x4c, 0x8d, 0x0d, 5, 0, 0, 0] // lea r9, [rip + 5]: behind the JMP that follows
  const JMP_R9 = [0x41, 0xff, 0xe1]
  /** `there`: bytes that go to the next page, from address `at` on. */
  const ways = {
    'by CALL and RET': { there: (at: number) => [0xe8, ...rel32(at + 5, NEXT_PAGE)], back: [0xc3] },
    'by JMP there and back': {
      there: (at: number) => [...LEA_R9, 0xe9, ...rel32(at + 12, NEXT_PAGE)],
      back: JMP_R9,
    },
    'over the end of a page': {
      there: (at: number) => [...LEA_R9, 0xe9, ...rel32(at + 12, NEXT_PAGE - 8)],
      back: JMP_R9,
    },
  }
  const flushes = {
    INVLPG: [0x0f, 0x01, 0x3b], // invlpg [rbx]
    'MOV to CR3': [0x0f, 0x20, 0xda, 0x0f, 0x22, 0xda], // mov rdx, cr3; mov cr3, rdx
  }
  const NOTE = [0x49, 0xc1, 0xe0, 4, 0x49, 0x09, 0xc0] // shl r8, 4; or r8, rax
  for (const [way, { there, back }] of Object.entries(ways))
    for (const [flush, bytes] of Object.entries(flushes))
      test(`${way}, with ${flush}`, () => {
        const machine = new BareMachine()
        const entry = machine.map(NEXT_PAGE, DATA_PHYSICAL, W)
        machine.map(PAGE_TABLE, entry & ~0xfff, W)
        machine.load(DATA_PHYSICAL, 0xb8, 1, 0, 0, 0, ...back) // mov eax, 1
        machine.load(DATA_PHYSICAL + 0x1000, 0xb8, 2, 0, 0, 0, ...back) // mov eax, 2
        machine.load(CODE_PHYSICAL + 0xff8, ...Array<number>(8).fill(NOP))
        // From two places each time round: the first finds the page not known, the second known, but another one than
        // the last time.
        const first = [...there(CODE), ...NOTE]
        const both = [...first, ...there(CODE + first.length), ...NOTE]
        const loop = [...both, 0x48, 0x87, 0x37, ...bytes, 0xff, 0xc9] // xchg [rdi], rsi; …; dec ecx
        machine.program(...loop, 0x75, -(loop.length + 2) & 0xff, HLT) // jnz; hlt
        machine.set('rbx', NEXT_PAGE)
        machine.set('rdi', PAGE_TABLE + BigInt(entry & 0xfff))
        machine.set('rsi', BigInt(DATA_PHYSICAL + 0x1000) | P | W)
        machine.set('rcx', 8)
        machine.set('r8', 0)
        machine.run()
        assert.equal(machine.get('r8'), 0x1122_1122_1122_1122n)
      })
})

test('through another mapping of the page', () => {
  const machine = new BareMachine()
  machine.map(0x80_0000_0000n, CODE_PHYSICAL, U | W)
  machine.load(CODE_PHYSICAL + 0x100, 0xb0, 0x01, 0xc3)
  machine.program(0xe8, 0xfb, 0, 0, 0, 0x88, 0x11, 0xe8, 0xf4, 0, 0, 0, HLT)
  machine.set('rcx', 0x80_0000_0101n)
  machine.set('rdx', 9)
  machine.run()
  assert.equal(machine.get('rax') & 0xffn, 9n)
})

test('REP STOSB over code that has run, and over the block that runs', () => {
  const machine = new BareMachine()
  machine.load(CODE_PHYSICAL + 0x100, 0xb0, 0x01, 0xc3)
  // call; rep stosb (fills the called code with NOPs, up to its RET); call; hlt
  machine.program(0xe8, 0xfb, 0, 0, 0, 0xf3, 0xaa, 0xe8, 0xf4, 0, 0, 0, HLT)
  machine.set('rdi', CODE + 0x100)
  machine.set('rcx', 2)
  machine.set('rax', NOP)
  machine.load(CODE_PHYSICAL + 0x100, 0xb0, NOP, 0xc3)
  machine.run()
  assert.deepEqual([machine.read8(CODE_PHYSICAL + 0x100), machine.get('rax') & 0xffn], [NOP, BigInt(NOP)])
})

test('a program that copies code and runs it, many times over the same place', () => {
  const machine = new BareMachine()
  // next: mov [rdi+1], cl ; call rdi ; add ebx, eax ; loop next ; hlt      at DATA: mov eax, imm8 as B8 imm32; ret
  machine.load(DATA_PHYSICAL, 0xb8, 0, 0, 0, 0, 0xc3)
  machine.program(0x88, 0x4f, 0x01, 0xff, 0xd7, 0x01, 0xc3, 0xe2, 0xf7, HLT)
  machine.set('rdi', DATA)
  machine.set('rbx', 0)
  machine.set('rcx', 200)
  machine.run()
  assert.equal(machine.get('rbx'), 20_100n)
})

test('a device writes code: the ring of written pages makes it forgotten', () => {
  const machine = new BareMachine()
  machine.program(0xb0, 0x01, HLT)
  machine.run()
  machine.view.setUint8(GUEST_BASE + CODE_PHYSICAL + 1, 5) // behind the core's back
  const MAILBOX = 0x80000
  machine.view.setUint32(MAILBOX + 0x400, CODE_PHYSICAL >> 12, true)
  machine.view.setUint32(MAILBOX + 8, 1, true)
  machine.view.setUint32(MAILBOX, 1, true)
  machine.set('rip', CODE)
  machine.run()
  assert.equal(machine.get('rax') & 0xffn, 5n)
})
