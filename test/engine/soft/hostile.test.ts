// What a hostile kernel might try to make the processor's own memory, or its host's time, its own. Each test is
// named after the attempt.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { GUEST_BASE } from '../../../src/engine/soft/layout.ts'
import { BareMachine, CODE, P, RAM, W } from './bare-machine.ts'

const KICKED = 0

const little = (value: bigint): number[] =>
  [0n, 8n, 16n, 24n].map((shift) => Number((value >> shift) & 0xffn))
const writeMsr = (msr: number, value: bigint): number[] => [
  ...[0xb9, ...little(BigInt(msr))],
  ...[0xb8, ...little(value & 0xffff_ffffn)],
  ...[0xba, ...little(value >> 32n)],
  ...[0x0f, 0x30],
]
const HLT = 0xf4

describe('a hostile guest', () => {
  for (const [name, msr] of [
    ['system time', 0x4b564d01],
    ['wall clock', 0x4b564d00],
  ] as const) {
    test(`cannot have kvmclock’s ${name} written outside of its RAM`, () => {
      for (const address of [RAM - 8, RAM, -4, -16, -32, -64, 0xffff_f000, 0x7fff_ffff_fffc, GUEST_BASE]) {
        const machine = new BareMachine()
        machine.program(...writeMsr(msr, BigInt.asUintN(64, BigInt(address)) | 1n), HLT)
        // The engine's own memory just below RAM: a wrapped address would end here.
        const below = Buffer.from(machine.view.buffer, GUEST_BASE - 0x1000, 0x1000)
        const before = Buffer.from(below)

        machine.runOnce()

        assert.ok(below.equals(before), `address ${address}`)
      }
    })
  }

  test('gets #GP, not other code, for code beyond its RAM', () => {
    const machine = new BareMachine()
    // The same low 32 bits as the page at CODE, 4 GiB higher.
    machine.mapLarge(0x7f_4000_0000, 30, 0x1_0000_0000n | 0x80n | P | W)
    // mov rax, 0x7f40500000; jmp rax: if the upper bits were lost, this very code would run again.
    machine.program(0x48, 0xb8, 0, 0, 0x50, 0x40, 0x7f, 0, 0, 0, 0xff, 0xe0)

    const ending = machine.run()

    assert.equal(ending.vector, 13)
  })

  test('gets #PF, not host memory, for page tables beyond its RAM', () => {
    for (const cr3 of [RAM, RAM - 0x1000 + 0x1000, 0x7fff_f000, 0xffff_f000, 0xf_ffff_f000]) {
      const machine = new BareMachine()
      machine.program(0x90, HLT)
      machine.set('cr3', cr3)
      machine.core.flushAll()

      // Not even the handler can be fetched: a triple fault.
      assert.equal(machine.runOnce(), 2, `cr3 ${cr3.toString(16)}`)
    }
  })

  test('whose handlers cannot be fetched does not keep the processor for ever', () => {
    const machine = new BareMachine()
    // The page-fault handler lies on a page that is not there, and its stack starts anew each time.
    machine.gate(14, { ist: 1, target: 0x123_0000_0000n })
    machine.program(0xa1, 0, 0, 0, 0, 0x45, 0, 0, 0) // mov eax, [0x4500000000]

    assert.equal(machine.runOnce(), KICKED)
  })

  test('that repeats a string instruction for ever does not keep the processor for ever', () => {
    const machine = new BareMachine()
    machine.program(0xf3, 0xae, HLT) // repe scasb over one page of zeroes, mapped again and again
    machine.set('rcx', -1)
    machine.set('rdi', CODE + 0x1000)
    machine.set('rax', 0)

    const ending = machine.run()

    assert.equal(ending.vector, 14)
    assert.ok(machine.get('rdi') >= BigInt(CODE + 0x2000))
  })
})
