import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyFromGuest, copyToGuest } from '../../src/virtio/guest-copy.ts'

const LENGTHS = [0, 1, 63, 64, 65, 1000, 8191, 8192, 8193, 20_000]
const SKEWS = [0, 1, 4, 7]

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff)
}

test('every length and alignment arrives whole, and nothing else changes', () => {
  const source = pattern(20_100)
  for (const length of LENGTHS) {
    for (const guestSkew of SKEWS) {
      for (const hostSkew of SKEWS) {
        const ram = new Uint8Array(new SharedArrayBuffer(20_100))
        const expected = new Uint8Array(20_100)
        expected.set(source.subarray(hostSkew, hostSkew + length), 16 + guestSkew)
        copyToGuest(source, hostSkew, ram, 16 + guestSkew, length)
        assert.ok(Buffer.from(ram).equals(expected), `to the guest: ${length} ${guestSkew} ${hostSkew}`)
        const back = new Uint8Array(20_100)
        copyFromGuest(ram, 16 + guestSkew, back, hostSkew, length)
        expected.fill(0).set(source.subarray(hostSkew, hostSkew + length), hostSkew)
        assert.ok(Buffer.from(back).equals(expected), `from the guest: ${length} ${guestSkew} ${hostSkew}`)
      }
    }
  }
})
