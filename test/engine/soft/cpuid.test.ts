// What CPUID promises: x86-64-v2 (System V ABI, table 3.1), and nothing that the instruction table does not have.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BareMachine } from './bare-machine.ts'

const EAX = 0
const EBX = 1
const ECX = 2
const EDX = 3

function cpuid(leaf: number, subleaf = 0): number[] {
  const machine = new BareMachine()
  machine.program(0x0f, 0xa2, 0xf4)
  machine.mode('user') // CPUID is for everybody; the HLT's #GP ends the run
  machine.set('rax', leaf)
  machine.set('rcx', subleaf)
  machine.run()
  return (['rax', 'rbx', 'rcx', 'rdx'] as const).map((name) => Number(machine.get(name) & 0xffff_ffffn))
}

/** Feature: leaf, register, bit, then an instruction that works exactly with it. */
const FEATURES: [string, number, number, number, boolean, number[]][] = [
  ['CMOV', 1, EDX, 15, true, [0x0f, 0x44, 0xc0]],
  ['CMPXCHG8B', 1, EDX, 8, true, [0x0f, 0xc7, 0x0b]],
  ['FPU', 1, EDX, 0, true, [0xd9, 0xe8]],
  ['FXSR', 1, EDX, 24, true, [0x0f, 0xae, 0x03]],
  ['MMX', 1, EDX, 23, true, [0x0f, 0xfc, 0xc0]],
  ['SYSCALL', 0x8000_0001, EDX, 11, true, [0x0f, 0x05]],
  ['SSE', 1, EDX, 25, true, [0x0f, 0x58, 0xc0]],
  ['SSE2', 1, EDX, 26, true, [0x66, 0x0f, 0x58, 0xc0]],
  ['CMPXCHG16B', 1, ECX, 13, true, [0x48, 0x0f, 0xc7, 0x0b]],
  ['LAHF-SAHF', 0x8000_0001, ECX, 0, true, [0x9f]],
  ['POPCNT', 1, ECX, 23, true, [0xf3, 0x0f, 0xb8, 0xc0]],
  ['SSE3', 1, ECX, 0, true, [0x66, 0x0f, 0x7c, 0xc0]],
  ['SSSE3', 1, ECX, 9, true, [0x66, 0x0f, 0x38, 0x00, 0xc0]],
  ['SSE4.1', 1, ECX, 19, true, [0x66, 0x0f, 0x38, 0x10, 0xc0]],
  ['SSE4.2', 1, ECX, 20, true, [0x66, 0x0f, 0x38, 0x37, 0xc0]],
  ['RDTSCP', 0x8000_0001, EDX, 27, true, [0x0f, 0x01, 0xf9]],
  ['AVX', 1, ECX, 28, false, [0xc5, 0xf8, 0x57, 0xc0]],
  ['XSAVE', 1, ECX, 26, false, [0x0f, 0xae, 0x23]],
  ['AES', 1, ECX, 25, false, [0x66, 0x0f, 0x38, 0xdc, 0xc0]],
  ['PCLMULQDQ', 1, ECX, 1, false, [0x66, 0x0f, 0x3a, 0x44, 0xc0, 0x00]],
  ['MOVBE', 1, ECX, 22, false, [0x0f, 0x38, 0xf0, 0x03]],
  ['RDRAND', 1, ECX, 30, false, [0x0f, 0xc7, 0xf0]],
  ['SYSENTER', 1, EDX, 11, false, [0x0f, 0x34]],
  ['BMI1', 7, EBX, 3, false, [0xc4, 0xe2, 0x78, 0xf3, 0xd8]],
  ['SHA', 7, EBX, 29, false, [0x0f, 0x38, 0xc8, 0xc0]],
  ['FSGSBASE', 7, EBX, 0, false, [0xf3, 0x0f, 0xae, 0xc0]],
]

describe('features', () => {
  for (const [name, leaf, register, bit, promised, instruction] of FEATURES) {
    test(`${name} is ${promised ? 'promised, and its instruction runs' : 'not promised, and its instruction is #UD'}`, () => {
      assert.equal((cpuid(leaf)[register]! >>> bit) & 1, promised ? 1 : 0)
      const machine = new BareMachine()
      machine.set('star', 0x23_0010n << 32n)
      machine.set('lstar', 0x40_0100)
      machine.load(0x50_0100, 0xf4)
      machine.program(...instruction, 0xf4)
      machine.set('rbx', 0x60_0000)
      assert.equal(machine.run().vector === 6, !promised)
    })
  }
})

test('the basic leaves reach as far as leaf 0 says, the vendor is one that kernels know', () => {
  const [highest, b, c, d] = cpuid(0)
  assert.ok(highest! >= 0x15)
  assert.equal(Buffer.from(new Uint32Array([b!, d!, c!]).buffer).toString('latin1'), 'GenuineIntel')
})

test('linear addresses have 48 bits, and the TSC runs at the frequency that leaf 15h names', () => {
  assert.equal((cpuid(0x8000_0008)[EAX]! >> 8) & 0xff, 48)
  const [denominator, numerator, crystal] = cpuid(0x15)
  assert.equal((crystal! * numerator!) / denominator!, 1_000_000_000)
})
