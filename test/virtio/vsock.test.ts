// The host's API of vsock against a guest that is written packet by packet.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { VsockDevice, type VsockStream } from '../../src/virtio/index.ts'
import * as wire from '../../src/virtio/vsock-packet.ts'
import { MockVsockGuest, type MockVsockGuestOptions, TX_SLOTS } from './mock-vsock-guest.ts'

const {
  VIRTIO_VSOCK_OP_REQUEST: REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE: RESPONSE,
  VIRTIO_VSOCK_OP_RST: RST,
} = wire
const { VIRTIO_VSOCK_OP_SHUTDOWN: SHUTDOWN, VIRTIO_VSOCK_OP_RW: RW } = wire
const { VIRTIO_VSOCK_OP_CREDIT_UPDATE: CREDIT_UPDATE, VIRTIO_VSOCK_OP_CREDIT_REQUEST: CREDIT_REQUEST } = wire
const { VIRTIO_VSOCK_SHUTDOWN_RCV: RCV, VIRTIO_VSOCK_SHUTDOWN_SEND: SEND } = wire

const GUEST_PORT = 1024
const LISTEN_PORT = 7000

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

interface Pair {
  readonly device: VsockDevice
  readonly guest: MockVsockGuest
  readonly stream: VsockStream
  /** Ports as the guest writes them. */
  readonly ports: { readonly srcPort: number; readonly dstPort: number }
}

async function connected(
  options: MockVsockGuestOptions & { readonly bufAlloc?: number } = {},
): Promise<Pair> {
  const device = new VsockDevice()
  const guest = new MockVsockGuest(device, options)
  const connecting = device.connect(GUEST_PORT)
  const [request] = guest.takeReceived()
  assert.equal(request?.op, REQUEST)
  const ports = { srcPort: GUEST_PORT, dstPort: request.srcPort }
  guest.send({ ...ports, op: RESPONSE, bufAlloc: options.bufAlloc ?? 256 * 1024 })
  return { device, guest, stream: await connecting, ports }
}

test('connect: REQUEST, RESPONSE, data both ways', async () => {
  const { guest, stream, ports } = await connected()
  stream.write('hello')
  const [packet] = guest.takeReceived()
  assert.equal(packet?.op, RW)
  assert.equal(Buffer.from(packet.payload).toString(), 'hello')
  guest.send({ ...ports, op: RW, payload: bytes('world') })
  const [chunk] = await once(stream, 'data')
  assert.equal(chunk.toString(), 'world')
})

test('connect before the guest has a driver waits for it', async () => {
  const device = new VsockDevice()
  const connecting = device.connect(GUEST_PORT)
  await turn()
  const guest = new MockVsockGuest(device)
  const [request] = guest.takeReceived()
  assert.equal(request?.op, REQUEST)
  guest.send({ srcPort: GUEST_PORT, dstPort: request.srcPort, op: RESPONSE })
  assert.equal((await connecting).guestPort, GUEST_PORT)
})

test('connect to a port without listener is ECONNREFUSED', async () => {
  const device = new VsockDevice()
  const guest = new MockVsockGuest(device)
  const connecting = device.connect(GUEST_PORT)
  const [request] = guest.takeReceived()
  guest.send({ srcPort: GUEST_PORT, dstPort: request!.srcPort, op: RST })
  await assert.rejects(connecting, { code: 'ECONNREFUSED' })
})

test('an aborted connect rejects with the reason and resets the guest', async () => {
  const device = new VsockDevice()
  const guest = new MockVsockGuest(device)
  const controller = new AbortController()
  const connecting = device.connect(GUEST_PORT, { signal: controller.signal })
  guest.takeReceived()
  controller.abort(new Error('enough'))
  await assert.rejects(connecting, { message: 'enough' })
  assert.deepEqual(
    guest.takeReceived().map(({ op }) => op),
    [RST],
  )
})

test('a device reset refuses connections under way and resets open ones', async () => {
  const { device, guest, stream } = await connected()
  const connecting = device.connect(GUEST_PORT)
  const failed = once(stream, 'error')
  guest.driver.transport.reset()
  await assert.rejects(connecting, { code: 'ECONNRESET' })
  assert.equal((await failed)[0].code, 'ECONNRESET')
})

test('listen: the guest connects, and the first data waits for the program', async () => {
  const device = new VsockDevice()
  const guest = new MockVsockGuest(device)
  const incoming = new Promise<VsockStream>((resolve) => device.listen(LISTEN_PORT, resolve))
  guest.send({ srcPort: 5, dstPort: LISTEN_PORT, op: REQUEST })
  guest.send({ srcPort: 5, dstPort: LISTEN_PORT, op: RW, payload: bytes('first') })
  const stream = await incoming
  assert.equal(guest.takeReceived()[0]?.op, RESPONSE)
  assert.equal((await once(stream, 'data'))[0].toString(), 'first')
})

test('a request to a port without listener is answered with RST, an RST with nothing', async () => {
  const guest = new MockVsockGuest(new VsockDevice())
  guest.send({ srcPort: 5, dstPort: 6, op: REQUEST })
  guest.send({ srcPort: 5, dstPort: 6, op: RW, payload: bytes('x') })
  guest.send({ srcPort: 5, dstPort: 6, op: RST })
  guest.send({ srcPort: 5, dstPort: 6, op: REQUEST, type: 99 })
  assert.deepEqual(
    guest.takeReceived().map(({ op, type }) => [op, type]),
    [
      [RST, 1],
      [RST, 1],
      [RST, 99],
    ],
  )
})

test('packets with foreign addresses or a false length are dropped and counted', async () => {
  const device = new VsockDevice()
  const guest = new MockVsockGuest(device)
  guest.send({ srcPort: 5, dstPort: 6, op: REQUEST, srcCid: 4 })
  guest.send({ srcPort: 5, dstPort: 6, op: REQUEST, dstCid: 3 })
  guest.send({ srcPort: 5, dstPort: 6, op: RW, length: 0xffff_ffff })
  assert.deepEqual(guest.takeReceived(), [])
  assert.equal(device.counters.dropped, 3)
})

test('end() is SHUTDOWN(SEND) after the last byte, and reading goes on', async () => {
  const { guest, stream, ports } = await connected()
  stream.write('last')
  stream.end()
  await once(stream, 'finish')
  assert.deepEqual(
    guest.takeReceived().map(({ op, flags }) => [op, flags]),
    [
      [RW, 0],
      [SHUTDOWN, SEND],
    ],
  )
  guest.send({ ...ports, op: RW, payload: bytes('answer') })
  assert.equal((await once(stream, 'data'))[0].toString(), 'answer')
})

test("the guest's SHUTDOWN(SEND) is 'end', and writing goes on", async () => {
  const { guest, stream, ports } = await connected()
  guest.send({ ...ports, op: RW, payload: bytes('tail') })
  guest.send({ ...ports, op: SHUTDOWN, flags: SEND })
  assert.equal((await stream.take(10).toArray()).join(''), 'tail')
})

test("after the guest's half-close the program can still write", async () => {
  const { guest, stream, ports } = await connected()
  guest.send({ ...ports, op: SHUTDOWN, flags: SEND })
  stream.resume()
  await once(stream, 'end')
  stream.write('more')
  assert.equal(Buffer.from(guest.takeReceived()[0]!.payload).toString(), 'more')
})

test('both ends half-closed: the program lets go with SHUTDOWN(both), the receipt is silent', async () => {
  const { guest, stream, ports } = await connected()
  guest.send({ ...ports, op: SHUTDOWN, flags: SEND })
  stream.resume()
  stream.end()
  await once(stream, 'close')
  assert.deepEqual(
    guest.takeReceived().map(({ op, flags }) => [op, flags]),
    [
      [SHUTDOWN, SEND],
      [SHUTDOWN, SEND | RCV],
    ],
  )
  guest.send({ ...ports, op: RST })
  assert.deepEqual(guest.takeReceived(), [])
})

test('SHUTDOWN(RCV) makes writing fail with EPIPE', async () => {
  const { guest, stream, ports } = await connected()
  guest.send({ ...ports, op: SHUTDOWN, flags: RCV })
  stream.write('x')
  assert.equal((await once(stream, 'error'))[0].code, 'EPIPE')
})

test('SHUTDOWN(both) is answered with RST, what was sent before stays readable', async () => {
  const { guest, stream, ports } = await connected()
  guest.send({ ...ports, op: RW, payload: bytes('last words') })
  guest.send({ ...ports, op: SHUTDOWN, flags: SEND | RCV })
  assert.deepEqual(
    guest.takeReceived().map(({ op }) => op),
    [RST],
  )
  assert.equal((await stream.toArray()).join(''), 'last words')
})

test('a write that the guest will never take fails only after its last words were read', async () => {
  const { guest, stream, ports } = await connected({ bufAlloc: 0 })
  stream.on('error', () => {})
  const written = new Promise<NodeJS.ErrnoException | null | undefined>((resolve) =>
    stream.write('x', resolve),
  )
  guest.send({ ...ports, op: RW, payload: bytes('last words'), bufAlloc: 0 })
  guest.send({ ...ports, op: SHUTDOWN, flags: SEND | RCV, bufAlloc: 0 })
  assert.equal((await once(stream, 'data'))[0].toString(), 'last words')
  assert.equal((await written)?.code, 'EPIPE')
})

test('RST is ECONNRESET, also for the write under way', async () => {
  const { guest, stream, ports } = await connected({ bufAlloc: 0 })
  const failed = once(stream, 'error')
  const written = new Promise<NodeJS.ErrnoException | null | undefined>((resolve) =>
    stream.write('x', resolve),
  )
  guest.send({ ...ports, op: RST, bufAlloc: 0 })
  assert.equal((await failed)[0].code, 'ECONNRESET')
  assert.equal((await written)?.code, 'ECONNRESET')
})

test('destroy() with unsent data is RST, without it SHUTDOWN(both)', async () => {
  const first = await connected({ bufAlloc: 0 })
  first.stream.write('unsent', () => {})
  first.stream.destroy()
  assert.deepEqual(
    first.guest.takeReceived().map(({ op }) => op),
    [RST],
  )
  const second = await connected()
  second.stream.destroy()
  assert.deepEqual(
    second.guest.takeReceived().map(({ op, flags }) => [op, flags]),
    [[SHUTDOWN, SEND | RCV]],
  )
})

test('no more is sent than the guest has credit for, and modulo 2³²', async () => {
  const { guest, stream, ports } = await connected({ bufAlloc: 1000 })
  stream.write(new Uint8Array(2500))
  const sizes = (): number[] => guest.takeReceived().map(({ payload }) => payload.length)
  assert.deepEqual(sizes(), [1000])
  guest.send({ ...ports, op: CREDIT_UPDATE, bufAlloc: 1000, fwdCnt: 400 })
  assert.deepEqual(sizes(), [400])
  guest.send({ ...ports, op: CREDIT_UPDATE, bufAlloc: 1000, fwdCnt: 1400 })
  assert.deepEqual(sizes(), [1000])
  guest.send({ ...ports, op: CREDIT_UPDATE, bufAlloc: 1000, fwdCnt: 2400 })
  assert.deepEqual(sizes(), [100])
})

test('a guest that claims to have passed on more than was sent stalls only itself', async () => {
  const { guest, stream, ports } = await connected({ bufAlloc: 1000 })
  guest.send({ ...ports, op: CREDIT_UPDATE, bufAlloc: 1000, fwdCnt: 5 })
  stream.write('x')
  assert.deepEqual(guest.takeReceived(), [])
  guest.send({ ...ports, op: CREDIT_UPDATE, bufAlloc: 1000, fwdCnt: 0 })
  assert.equal(guest.takeReceived().length, 1)
})

test('more than our credit is a reset of the stream', async () => {
  const { device, guest, stream, ports } = await connected()
  const failed = once(stream, 'error')
  for (let i = 0; i < 5; i++) guest.send({ ...ports, op: RW, payload: new Uint8Array(60_000) })
  assert.equal((await failed)[0].code, 'ECONNRESET')
  assert.equal(device.counters.violations, 1)
  assert.deepEqual(
    guest.takeReceived().map(({ op }) => op),
    [RST],
  )
})

test('a program that does not read holds the guest back; reading gives credit again', async () => {
  const { guest, stream, ports } = await connected()
  for (let i = 0; i < 4; i++) guest.send({ ...ports, op: RW, payload: new Uint8Array(64 * 1024) })
  await turn()
  assert.deepEqual(
    guest.takeReceived().map(({ op }) => op),
    [],
  )
  stream.resume()
  await turn()
  await turn()
  const updates = guest.takeReceived()
  assert.ok(updates.every(({ op }) => op === CREDIT_UPDATE))
  assert.equal(updates.at(-1)?.fwdCnt, 256 * 1024)
})

test('CREDIT_REQUEST is answered with CREDIT_UPDATE', async () => {
  const { guest, ports } = await connected()
  guest.send({ ...ports, op: CREDIT_REQUEST })
  const [update] = guest.takeReceived()
  assert.equal(update?.op, CREDIT_UPDATE)
  assert.equal(update?.bufAlloc, 256 * 1024)
})

test('a credit of one-byte packets is kept in few pieces', async () => {
  const { guest, stream, ports } = await connected()
  for (let i = 0; i < 10_000; i++) {
    guest.send({ ...ports, op: RW, payload: Uint8Array.of(i & 0xff) })
    // A slow turn makes the device finish its work in the next one.
    if (i % TX_SLOTS === TX_SLOTS - 1) await turn()
  }
  guest.send({ ...ports, op: SHUTDOWN, flags: SEND })
  const pieces: Uint8Array[] = await stream.toArray()
  // A piece for each turn until the reader's own 16 KiB are full; it never is.
  assert.ok(pieces.length <= 10_000 / TX_SLOTS + 10, `${pieces.length} pieces`)
  assert.deepEqual(
    [...Buffer.concat(pieces)],
    Array.from({ length: 10_000 }, (_, i) => i & 0xff),
  )
})

test('without receive buffers everything waits, and streams take turns afterwards', async () => {
  const device = new VsockDevice()
  const guest = new MockVsockGuest(device, { rxBuffers: 4, rxBufferBytes: 1044 })
  const streams: VsockStream[] = []
  for (let i = 0; i < 3; i++) {
    const connecting = device.connect(GUEST_PORT + i)
    const [request] = guest.takeReceived()
    guest.send({ srcPort: GUEST_PORT + i, dstPort: request!.srcPort, op: RESPONSE })
    streams.push(await connecting)
  }
  for (const stream of streams) stream.write(new Uint8Array(3000))
  const order: number[] = []
  for (let i = 0; i < 12; i++) order.push(...guest.takeReceived().map(({ dstPort }) => dstPort - GUEST_PORT))
  assert.deepEqual(order.length, 9)
  // The first had all buffers for itself; from then on nobody is served twice while another waits.
  assert.deepEqual(order.slice(3).sort(), [1, 1, 1, 2, 2, 2])
  assert.deepEqual(order.slice(4, 8), [order[4], 3 - order[4]!, order[4], 3 - order[4]!])
})

test('a guest cannot have more than its share of streams, also not of closed ones', async () => {
  const device = new VsockDevice()
  const guest = new MockVsockGuest(device)
  const kept: VsockStream[] = []
  device.listen(LISTEN_PORT, (stream) => kept.push(stream))
  const answers = new Map<number, number>()
  for (let port = 1; port <= 1030; port++) {
    guest.send({ srcPort: port, dstPort: LISTEN_PORT, op: REQUEST })
    if (port % 32 === 0) await turn()
    for (const { op } of guest.takeReceived()) answers.set(op, (answers.get(op) ?? 0) + 1)
  }
  await turn()
  for (const { op } of guest.takeReceived()) answers.set(op, (answers.get(op) ?? 0) + 1)
  assert.deepEqual([...answers].sort(), [
    [RESPONSE, 1024],
    [RST, 6],
  ])
  assert.equal(kept.length, 1024)
  guest.send({ srcPort: 1, dstPort: LISTEN_PORT, op: SHUTDOWN, flags: SEND | RCV })
  guest.send({ srcPort: 2000, dstPort: LISTEN_PORT, op: REQUEST })
  assert.deepEqual(
    guest.takeReceived().map(({ op }) => op),
    [RST, RST],
  )
  kept[0]!.destroy()
  await turn()
  guest.send({ srcPort: 2000, dstPort: LISTEN_PORT, op: REQUEST })
  assert.deepEqual(
    guest.takeReceived().map(({ op }) => op),
    [RESPONSE],
  )
})

test('two streams between the same ports: the second request is a violation', async () => {
  const device = new VsockDevice()
  const guest = new MockVsockGuest(device)
  const incoming = new Promise<VsockStream>((resolve) => device.listen(LISTEN_PORT, resolve))
  guest.send({ srcPort: 5, dstPort: LISTEN_PORT, op: REQUEST })
  const failed = once(await incoming, 'error')
  guest.send({ srcPort: 5, dstPort: LISTEN_PORT, op: REQUEST })
  assert.equal((await failed)[0].code, 'ECONNRESET')
  assert.deepEqual(
    guest.takeReceived().map(({ op }) => op),
    [RESPONSE, RST],
  )
})

test('a listener runs in a later tick, so what it throws does not meet the device', async () => {
  const device = new VsockDevice()
  const guest = new MockVsockGuest(device)
  let called = 0
  device.listen(LISTEN_PORT, () => called++)
  guest.send({ srcPort: 5, dstPort: LISTEN_PORT, op: REQUEST })
  assert.equal(called, 0)
  await turn()
  assert.equal(called, 1)
})

test('close() ends every stream and refuses new ones', async () => {
  const { device, stream } = await connected()
  const failed = once(stream, 'error')
  device.close()
  assert.equal((await failed)[0].code, 'ECONNRESET')
  await assert.rejects(device.connect(1), { code: 'ERR_INLINUX_MACHINE_CLOSED' })
})
