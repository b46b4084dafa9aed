// The serial port against what Linux's 8250 driver does with one.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Serial } from '../../src/platform/index.ts'

const [THR, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7]

interface Port {
  readonly serial: Serial
  readonly printed: string[]
  interrupts: number
  in(register: number): number
  out(register: number, value: number): void
}

function open(): Port {
  const printed: string[] = []
  const serial = new Serial({
    line: { raise: () => port.interrupts++ },
    output: (bytes) => printed.push(Buffer.from(bytes).toString('latin1')),
  })
  const port: Port = {
    serial,
    printed,
    interrupts: 0,
    in: (register) => serial.read(register, 1),
    out: (register, value) => serial.write(register, 1, value),
  }
  return port
}

function print(port: Port, text: string): void {
  for (const byte of Buffer.from(text)) port.out(THR, byte)
}

test('output comes by lines, and the rest at the end of the turn', async () => {
  const port = open()
  print(port, 'one\ntwo')
  assert.deepEqual(port.printed, ['one\n'])
  await turn()
  assert.deepEqual(port.printed, ['one\n', 'two'])
  print(port, 'three')
  port.serial.flush()
  assert.deepEqual(port.printed, ['one\n', 'two', 'three'])
})

test('a long line does not wait for its end', () => {
  const port = open()
  print(port, 'x'.repeat(2500))
  assert.deepEqual(
    port.printed.map((text) => text.length),
    [1024, 1024],
  )
})

test('Linux finds a 16550A: IER, loopback, scratch and FIFO tests', () => {
  const port = open()
  port.out(IER, 0)
  assert.equal(port.in(IER), 0)
  port.out(IER, 0x0f)
  assert.equal(port.in(IER), 0x0f)
  port.out(MCR, 0x10 | 0x08 | 0x02)
  assert.equal(port.in(MSR) & 0xf0, 0x90)
  port.out(MCR, 0)
  port.out(SCR, 0xa5)
  assert.equal(port.in(SCR), 0xa5)
  port.out(IIR, 0x01)
  assert.equal(port.in(IIR) >> 6, 3)
  port.out(IIR, 0x00)
  assert.equal(port.in(IIR) >> 6, 0)
})

test('the divisor latch hides THR and IER', () => {
  const port = open()
  port.out(LCR, 0x80)
  port.out(0, 0x01)
  port.out(1, 0x02)
  assert.deepEqual([port.in(0), port.in(1)], [0x01, 0x02])
  port.out(LCR, 0x03)
  assert.deepEqual([port.in(0), port.in(1)], [0, 0])
  assert.deepEqual(port.printed, [])
})

test('"THR is empty" interrupts when allowed, again after each receipt, and never twice', () => {
  const port = open()
  port.out(IER, 0x02)
  assert.equal(port.interrupts, 1)
  assert.equal(port.in(IIR) & 0x0f, 0x02)
  assert.equal(port.in(IIR) & 0x0f, 0x01)
  print(port, 'abc')
  assert.equal(port.interrupts, 2)
  assert.equal(port.in(IIR) & 0x0f, 0x02)
  port.out(IER, 0x00)
  port.out(IER, 0x02)
  assert.equal(port.interrupts, 3)
})

test('input interrupts, is read byte by byte, and goes before output', () => {
  const port = open()
  port.out(IER, 0x03)
  assert.equal(port.serial.input(Buffer.from('hi')), 2)
  assert.equal(port.in(LSR), 0x61)
  assert.equal(port.in(IIR) & 0x0f, 0x04)
  assert.equal(String.fromCharCode(port.in(THR), port.in(THR)), 'hi')
  assert.equal(port.in(LSR), 0x60)
  assert.equal(port.in(IIR) & 0x0f, 0x02)
})

test('input is bounded, and the caller hears how much was taken', () => {
  const port = open()
  assert.equal(port.serial.input(new Uint8Array(100_000)), 65_536)
  assert.equal(port.serial.input(new Uint8Array(10)), 0)
  for (let i = 0; i < 100; i++) port.in(THR)
  assert.equal(port.serial.input(new Uint8Array(1000)), 100)
})

test('in loopback a byte comes back and is not printed', async () => {
  const port = open()
  port.out(MCR, 0x10)
  port.out(THR, 0x55)
  assert.equal(port.in(THR), 0x55)
  await turn()
  assert.deepEqual(port.printed, [])
})
