import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  KeyboardController,
  PowerControl,
  type PowerRequest,
  ResetControl,
} from '../../src/platform/index.ts'

test('the reset pulse, and no other command', () => {
  const requests: PowerRequest[] = []
  const controller = new KeyboardController((request) => requests.push(request))
  assert.equal(controller.read(), 0)
  controller.write(0, 1, 0xd1)
  controller.write(0, 1, 0xfe)
  assert.deepEqual(requests, ['reset'])
})

test('0xcf9: bit 2 resets, the others are remembered', () => {
  const requests: PowerRequest[] = []
  const control = new ResetControl((request) => requests.push(request))
  control.write(0, 1, 0x02)
  assert.deepEqual(requests, [])
  assert.equal(control.read(), 0x02)
  control.write(0, 1, 0x06)
  assert.deepEqual(requests, ['reset'])
})

test('SLP_EN switches off, as a word or as its upper byte', () => {
  const requests: PowerRequest[] = []
  const control = new PowerControl((request) => requests.push(request))
  control.write(0, 2, 0x0001)
  control.write(0, 1, 0x20)
  assert.deepEqual(requests, [])
  control.write(0, 2, 0x2000)
  control.write(1, 1, 0x34)
  assert.deepEqual(requests, ['power-off', 'power-off'])
})
