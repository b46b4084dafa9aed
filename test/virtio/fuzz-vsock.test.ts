// vsock under two guests: one that sends any packet at any time, and an honest one that is only erratic.
// The first must not disturb the host; through the second every byte must arrive, in order, both ways.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { VsockDevice, type VsockStream } from '../../src/virtio/index.ts'
import * as wire from '../../src/virtio/vsock-packet.ts'
import { fuzz } from './fuzz.ts'
import { MockVsockGuest } from './mock-vsock-guest.ts'

const LISTEN_PORT = 1
const FIRST_HOST_PORT = 49_152

const u32 = fc.oneof(
  fc.constantFrom(0, 1, 1000, 65_536, 262_144, 0x7fff_ffff, 0xffff_ffff),
  fc.integer({ min: 0, max: 0xffff_ffff }),
)
const port = fc.constantFrom(LISTEN_PORT, 2, FIRST_HOST_PORT, FIRST_HOST_PORT + 1)

type Step = (guest: MockVsockGuest, device: VsockDevice, streams: VsockStream[]) => void

const packet = fc
  .record({
    srcPort: fc.constantFrom(1, 2, 3),
    dstPort: port,
    op: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: 7 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
    ),
    type: fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 0, 2, 0xffff),
    flags: fc.oneof(fc.integer({ min: 0, max: 3 }), u32),
    bufAlloc: u32,
    fwdCnt: u32,
    payload: fc.constantFrom(0, 0, 1, 100, 5000, 65_536).map((n) => new Uint8Array(n)),
    lie: fc.option(u32, { freq: 10, nil: undefined }),
  })
  .map<Step>(({ lie, ...fields }) => (guest) => {
    // The rest waits for the device's next turn, as with a guest whose queue is full.
    if (guest.txSlots > 8) guest.send({ ...fields, length: lie ?? fields.payload.length })
  })

const hostAction = fc
  .tuple(fc.constantFrom('connect', 'write', 'end', 'destroy', 'resume', 'pause'), fc.nat({ max: 9 }))
  .map<Step>(([action, n]) => {
    return (_guest, device, streams) => {
      const stream = streams[n % Math.max(1, streams.length)]
      if (action === 'connect')
        device.connect(n % 3).then(
          (opened) => void watch(opened, streams),
          () => {},
        )
      else if (action === 'write' && stream?.writable === true) stream.write(new Uint8Array(n * 1000))
      else if (action === 'end') stream?.end()
      else if (action === 'destroy') stream?.destroy()
      else if (action === 'resume') stream?.resume()
      else stream?.pause()
    }
  })
const poll = fc.integer({ min: 0, max: 20 }).map<Step>((limit) => (guest) => guest.poll(limit))

function watch(stream: VsockStream, streams: VsockStream[]): void {
  stream.on('error', () => {})
  streams.push(stream)
}

test('fuzz: any packet at any time', async (t) => {
  let packets = 0
  const steps = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: packet },
      { weight: 2, arbitrary: hostAction },
      { weight: 1, arbitrary: poll },
    ),
    {
      minLength: 1,
      maxLength: 100,
      size: 'max',
    },
  )
  const property = fc.asyncProperty(steps, async (script) => {
    const device = new VsockDevice()
    const guest = new MockVsockGuest(device, { rxBuffers: 16, keep: false, memoryBytes: 16 << 20 })
    const streams: VsockStream[] = []
    device.listen(LISTEN_PORT, (stream) => watch(stream, streams))
    for (const [i, step] of script.entries()) {
      step(guest, device, streams)
      if (i % 8 === 7) await turn()
      assert.equal(
        guest.driver.transport.counters.internalErrors,
        0,
        guest.driver.transport.counters.lastFault,
      )
      assert.equal(guest.driver.needsReset, false)
    }
    packets += device.counters.packetsFromGuest
    device.close()
    // Those whose guest went before them still have what was received; read and ended, nothing keeps them.
    for (const stream of streams) stream.resume().end()
    for (let turns = 0; turns < 40 && !streams.every(({ closed }) => closed); turns++) await turn()
    assert.ok(streams.every(({ closed }) => closed))
  })
  await fc.assert(property, fuzz(t, 100))
  t.diagnostic(`${packets} packets`)
  assert.ok(packets > 0)
})

/** The guest's end of one stream, with its own credit and its own moods. */
class HonestStream {
  readonly hostPort: number
  readonly guestPort: number
  readonly received: Uint8Array[] = []
  readonly #toSend: Uint8Array[]
  readonly #bufAlloc: number
  #forwarded = 0
  #sent = 0
  #peerBufAlloc = 0
  #peerForwarded = 0
  #finSent = false
  open = false
  over = false

  constructor(hostPort: number, guestPort: number, toSend: readonly Uint8Array[], bufAlloc: number) {
    this.hostPort = hostPort
    this.guestPort = guestPort
    this.#toSend = [...toSend]
    this.#bufAlloc = bufAlloc
  }

  take(packet: { op: number; flags: number; bufAlloc: number; fwdCnt: number; payload: Uint8Array }): void {
    this.#peerBufAlloc = packet.bufAlloc
    this.#peerForwarded = packet.fwdCnt
    this.open = true
    if (packet.op === wire.VIRTIO_VSOCK_OP_RW) this.received.push(packet.payload)
    if (packet.op === wire.VIRTIO_VSOCK_OP_SHUTDOWN && packet.flags === 3) this.over = true
    // What crosses the host's last packet under way is answered with a reset.
    assert.ok(this.over || packet.op !== wire.VIRTIO_VSOCK_OP_RST)
    const outstanding = this.receivedBytes - this.#forwarded
    assert.ok(
      outstanding <= this.#bufAlloc,
      `the host sent ${outstanding} bytes on a credit of ${this.#bufAlloc}`,
    )
  }

  get receivedBytes(): number {
    return this.received.reduce((sum, { length }) => sum + length, 0)
  }

  /** Sends what it may, passes on what it has. */
  act(guest: MockVsockGuest): void {
    if (!this.open || this.over) return
    this.#forwarded = this.receivedBytes
    const credit = {
      srcPort: this.guestPort,
      dstPort: this.hostPort,
      bufAlloc: this.#bufAlloc,
      fwdCnt: this.#forwarded,
    }
    if (guest.txSlots > 4) guest.send({ ...credit, op: wire.VIRTIO_VSOCK_OP_CREDIT_UPDATE })
    while (this.#toSend.length > 0 && guest.txSlots > 4) {
      const payload = this.#toSend[0]!
      if (this.#sent - this.#peerForwarded + payload.length > this.#peerBufAlloc) return
      guest.send({ ...credit, op: wire.VIRTIO_VSOCK_OP_RW, payload })
      this.#sent += payload.length
      this.#toSend.shift()
    }
    if (this.#toSend.length === 0 && !this.#finSent && guest.txSlots > 4) {
      this.#finSent = true
      guest.send({ ...credit, op: wire.VIRTIO_VSOCK_OP_SHUTDOWN, flags: wire.VIRTIO_VSOCK_SHUTDOWN_SEND })
    }
  }
}

const chunks = fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 60_000 })), {
  maxLength: 25,
  size: 'max',
})
const stream = fc.record({
  fromHost: chunks,
  fromGuest: chunks,
  bufAlloc: fc.constantFrom(1, 1000, 65_536, 262_144),
})

/** Bytes of a linear congruential generator: misplaced ones are noticed. */
function fill(lengths: readonly number[], seed: number): Uint8Array[] {
  let state = seed
  const nextByte = (): number => {
    state = (state * 1103515245 + 12345) & 0x7fff_ffff
    return state >> 16
  }
  return lengths.map((length) => Uint8Array.from({ length }, nextByte))
}

test('fuzz: every byte arrives, in order, both ways, on several streams at once', async (t) => {
  const world = fc.record({
    streams: fc.array(stream, { minLength: 1, maxLength: 4 }),
    rxBuffers: fc.constantFrom(1, 3, 64),
    rxBufferBytes: fc.constantFrom(45, 200, 4096, 70_000),
    polls: fc.infiniteStream(fc.integer({ min: 0, max: 40 })),
  })
  const property = fc.asyncProperty(world, async ({ streams, rxBuffers, rxBufferBytes, polls }) => {
    // A credit of a byte, or a buffer with room for one, makes a packet of each: keep those runs short.
    const slow = rxBufferBytes === 45 || streams.some(({ bufAlloc }) => bufAlloc < 1000)
    const small = (lengths: number[]): number[] => (slow ? lengths.slice(0, 3).map((n) => n % 300) : lengths)
    const device = new VsockDevice()
    const guest = new MockVsockGuest(device, { rxBuffers, rxBufferBytes, keep: true })
    const ends = streams.map(({ fromHost, fromGuest, bufAlloc }, i) => {
      const sent = fill(small(fromHost), i)
      const answer = fill(small(fromGuest), i + 100)
      const guestEnd = new HonestStream(FIRST_HOST_PORT + i, 10 + i, answer, bufAlloc)
      const done = device.connect(10 + i).then(async (opened) => {
        // Not `toArray`: iterating over a duplex stream destroys it at the end of what is read.
        const pieces: Uint8Array[] = []
        opened.on('data', (piece: Uint8Array) => pieces.push(piece))
        for (const chunk of sent)
          if (!opened.write(chunk)) await new Promise((resolve) => opened.once('drain', resolve))
        opened.end()
        await once(opened, 'close')
        return Buffer.concat(pieces)
      })
      return { sent: Buffer.concat(sent), answer: Buffer.concat(answer), guestEnd, done }
    })
    let finished = 0
    for (const { done } of ends) done.then(() => finished++)
    for (const limit of polls) {
      guest.reclaim()
      guest.poll(limit + 1)
      for (const { op, dstPort, ...rest } of guest.received.splice(0)) {
        const { guestEnd } = ends[dstPort - 10]!
        if (op === wire.VIRTIO_VSOCK_OP_REQUEST)
          guest.send({
            srcPort: dstPort,
            dstPort: rest.srcPort,
            op: wire.VIRTIO_VSOCK_OP_RESPONSE,
            bufAlloc: 1,
          })
        guestEnd.take({ op, ...rest })
      }
      for (const { guestEnd } of ends) guestEnd.act(guest)
      await turn()
      if (finished === ends.length && ends.every(({ guestEnd }) => guestEnd.over)) break
    }
    for (const { sent, answer, guestEnd, done } of ends) {
      assert.ok(Buffer.concat(guestEnd.received).equals(sent))
      assert.ok((await done).equals(answer))
    }
    assert.equal(device.counters.violations, 0)
    assert.equal(device.counters.dropped, 0)
  })
  await fc.assert(property, fuzz(t, 40))
})
