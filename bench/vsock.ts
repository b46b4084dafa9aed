// Throughput of a vsock stream between the mock guest and a Node program, against a plain Node pipe.
//
//   node build/bench/vsock.js [MiB [ROW]]          prints a table, and one line of JSON
//
// Both ends live in this thread, so a figure is the cost of the device and of the guest's mock together: no vCPU, no
// interrupts. The peer is the same bytes in the same chunks through a `PassThrough`, which copies nothing; a ratio
// of 1 means that the device costs as much as Node's own stream machinery. Rates are MiB for each second of CPU time
// (user and system, all threads), because the wall clock of a shared machine says little; wall time stands beside it.

import { PassThrough, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { VsockDevice, type VsockStream } from '../src/virtio/index.ts'
import * as wire from '../src/virtio/vsock-packet.ts'
import { MockVsockGuest, type MockVsockGuestOptions } from '../test/virtio/mock-vsock-guest.ts'

const MIB = 2 ** 20
const TOTAL = Number(process.argv[2] ?? 512) * MIB
const GUEST_PORT = 1024
const GUEST_BUFFER = 256 * 1024

interface Pair {
  readonly guest: MockVsockGuest
  readonly stream: VsockStream
  readonly ports: { readonly srcPort: number; readonly dstPort: number }
}

async function connected(options: MockVsockGuestOptions): Promise<Pair> {
  const device = new VsockDevice()
  const guest = new MockVsockGuest(device, { ...options, keep: false })
  const connecting = device.connect(GUEST_PORT)
  let hostPort = 0
  guest.onPacket = ({ srcPort }) => {
    hostPort = srcPort
  }
  guest.poll()
  const ports = { srcPort: GUEST_PORT, dstPort: hostPort }
  guest.send({ ...ports, op: wire.VIRTIO_VSOCK_OP_RESPONSE, bufAlloc: GUEST_BUFFER })
  return { guest, stream: await connecting, ports }
}

/** The guest reads everything as soon as it comes, and gives credit like Linux: when it runs low. */
async function hostToGuest(chunkBytes: number, rxBufferBytes: number): Promise<Rate> {
  const { guest, stream, ports } = await connected({ rxBufferBytes, rxBuffers: 256 })
  let received = 0
  let told = 0
  const update = (): void => {
    told = received
    guest.send({
      ...ports,
      op: wire.VIRTIO_VSOCK_OP_CREDIT_UPDATE,
      bufAlloc: GUEST_BUFFER,
      fwdCnt: received % 2 ** 32,
    })
  }
  guest.onPacket = ({ payload }) => {
    received += payload.length
    if (received - told > GUEST_BUFFER - 2 * 65_536) update()
  }
  guest.driver.onInterrupt = () => setImmediate(() => guest.poll())
  const start = startClock()
  await pipeline(chunks(chunkBytes), stream, { end: false })
  while (received < TOTAL) await new Promise(setImmediate)
  return rate(start)
}

/** The guest sends as long as it has credit and buffers; the program reads and forgets. */
async function guestToHost(payloadBytes: number): Promise<Rate> {
  const { guest, stream, ports } = await connected({})
  const payload = new Uint8Array(payloadBytes)
  let forwarded = 0
  let sent = 0
  let read = 0
  guest.onPacket = ({ fwdCnt }) => {
    forwarded = fwdCnt
  }
  stream.on('data', (chunk: Uint8Array) => {
    read += chunk.length
  })
  const start = startClock()
  while (read < TOTAL) {
    guest.poll()
    guest.reclaim()
    while (sent < TOTAL && guest.txSlots > 0 && ((sent - forwarded) >>> 0) + payloadBytes <= GUEST_BUFFER) {
      guest.send({ ...ports, op: wire.VIRTIO_VSOCK_OP_RW, payload }, false)
      sent += payloadBytes
    }
    guest.tx.kick()
    await new Promise(setImmediate)
  }
  return rate(start)
}

async function plainPipe(chunkBytes: number): Promise<Rate> {
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() })
  const start = startClock()
  await pipeline(chunks(chunkBytes), new PassThrough(), sink)
  return rate(start)
}

function* chunks(chunkBytes: number): Generator<Uint8Array> {
  const chunk = new Uint8Array(chunkBytes)
  for (let left = TOTAL; left > 0; left -= chunkBytes) yield chunk
}

interface Rate {
  readonly perCpuSecond: number
  readonly perSecond: number
}

interface Clock {
  readonly wall: number
  readonly cpu: NodeJS.CpuUsage
}

function startClock(): Clock {
  return { wall: performance.now(), cpu: process.cpuUsage() }
}

function rate({ wall, cpu }: Clock): Rate {
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - wall) / 1000
  return { perCpuSecond: TOTAL / MIB / ((user + system) / 1e6), perSecond: TOTAL / MIB / seconds }
}

const only = process.argv[3]
const rows: { what: string; measure: () => Promise<Rate>; peer: () => Promise<Rate> }[] = [
  {
    what: 'host → guest, 64 KiB writes, 4 KiB buffers',
    measure: () => hostToGuest(65_536, 4096),
    peer: () => plainPipe(65_536),
  },
  {
    what: 'host → guest, 64 KiB writes, 64 KiB buffers',
    measure: () => hostToGuest(65_536, 65_536),
    peer: () => plainPipe(65_536),
  },
  {
    what: 'host → guest, 4 KiB writes, 4 KiB buffers',
    measure: () => hostToGuest(4096, 4096),
    peer: () => plainPipe(4096),
  },
  { what: 'guest → host, 64 KiB packets', measure: () => guestToHost(65_536), peer: () => plainPipe(65_536) },
  { what: 'guest → host, 4 KiB packets', measure: () => guestToHost(4096), peer: () => plainPipe(4096) },
]

const results: { what: string; wall: number; cpu: number; plainPipeCpu: number; ratio: string }[] = []
for (const { what, measure, peer } of rows.filter((_, i) => only === undefined || i === Number(only))) {
  const ours = await measure()
  const pipe = await peer()
  results.push({
    what,
    wall: Math.round(ours.perSecond),
    cpu: Math.round(ours.perCpuSecond),
    plainPipeCpu: Math.round(pipe.perCpuSecond),
    ratio: (ours.perCpuSecond / pipe.perCpuSecond).toFixed(2),
  })
}
console.table(results)
console.log(
  JSON.stringify({ bench: 'vsock', unit: 'MiB/s', node: process.version, totalMiB: TOTAL / MIB, results }),
)
