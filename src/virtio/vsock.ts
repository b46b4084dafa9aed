// virtio-vsock (virtio 1.2, section 5.10): byte streams between programs in the guest and the host's program.
//
//   guest's TX queue ──► #receive ──► Connection ──► VsockStream          (one turn of `drain`)
//   guest's RX queue ◄── #pump    ◄── Connection ◄── VsockStream          (round robin over those with work)
//
// The host is CID 2. `connect` reaches a listener in the guest; `listen` takes connections that the guest makes.
// No packet waits in a queue of ours: a connection says what it wants to send when the guest has given a buffer
// for it, one packet each in turn, so a busy stream cannot starve the others. Only resets for streams that do not
// exist are remembered, and of these a bounded number.
//
// Left out: SEQPACKET, and the event queue, which has news only after a migration.

import { VmError } from '../errors/index.ts'
import type { Chain } from './chain.ts'
import type { ActiveDriver, VirtioDevice } from './device.ts'
import { Connection, type ConnectionOwner } from './vsock-connection.ts'
import * as wire from './vsock-packet.ts'
import type { VsockStream } from './vsock-stream.ts'

const VIRTIO_VSOCK_F_STREAM = 1n << 0n

const RX = 0
const TX = 1
const QUEUE_SIZE = 256

const DEFAULT_BUFFER_BYTES = 256 * 1024
/** Where ports for our own connections begin, as elsewhere for ephemeral ports. */
const FIRST_EPHEMERAL_PORT = 49_152
const LAST_PORT = 0xffff_fffe

/** A guest that connects in a loop must not make the host keep a stream and its buffers for each. */
const MAX_GUEST_CONNECTIONS = 1024
/** A guest that sends nonsense and takes no answers must not make the host remember them all. */
const MAX_PENDING_RESETS = 1024
/** The caller's thread has other machines to look after. The rest follows in the next turn of the event loop. */
const MAX_PACKETS_PER_TURN = 256

export interface VsockOptions {
  /** The guest's address, 3 or more. */
  readonly guestCid?: number
  /** Bytes that the guest may send on a stream before the program has read them. */
  readonly bufferBytes?: number
}

/** A connection that the guest has made. The stream is open at once. */
export type IncomingConnection = (stream: VsockStream) => void

export interface VsockCounters {
  packetsFromGuest: number
  packetsToGuest: number
  /** Packets with a wrong address or length, and receive buffers too small for a header. */
  dropped: number
  /** Streams ended because the guest broke the protocol: more than its credit, data out of state. */
  violations: number
  resetsSent: number
  resetsDropped: number
}

interface Reset {
  readonly hostPort: number
  readonly guestPort: number
  readonly type: number
}

export class VsockDevice implements VirtioDevice {
  readonly name = 'vsock'
  readonly deviceId = 19
  readonly features: bigint = VIRTIO_VSOCK_F_STREAM
  readonly queueSizes: readonly number[] = [QUEUE_SIZE, QUEUE_SIZE, 16]
  readonly config: Uint8Array = new Uint8Array(8)
  readonly counters: VsockCounters = {
    packetsFromGuest: 0,
    packetsToGuest: 0,
    dropped: 0,
    violations: 0,
    resetsSent: 0,
    resetsDropped: 0,
  }
  readonly #guestCid: number
  readonly #bufferBytes: number
  readonly #listeners = new Map<number, IncomingConnection>()
  /** Host port, then guest port. */
  readonly #connections = new Map<number, Map<number, Connection>>()
  #guestConnections = 0
  #nextPort = FIRST_EPHEMERAL_PORT
  #driver: ActiveDriver | undefined
  /** Those that may have something to send, in turn. */
  #ready: Connection[] = []
  #resets: Reset[] = []
  #pumpBooked = false
  #closed = false
  readonly #incoming = new wire.PacketHeader()
  readonly #outgoing = new wire.PacketHeader()
  readonly #owner: ConnectionOwner

  constructor({ guestCid = 3, bufferBytes = DEFAULT_BUFFER_BYTES }: VsockOptions = {}) {
    this.#guestCid = guestCid
    this.#bufferBytes = bufferBytes
    new DataView(this.config.buffer).setBigUint64(0, BigInt(guestCid), true)
    this.#outgoing.srcCid = wire.VMADDR_CID_HOST
    this.#outgoing.dstCid = guestCid
    this.#owner = {
      readyToSend: (connection) => {
        this.#enqueue(connection)
        this.#pump()
      },
      closed: (connection, reset) => this.#forget(connection, reset),
    }
  }

  // ── The host program's side ───────────────────────────────────────────────────────────────────────────────

  /**
   * Connects to a listener in the guest. Waits as long as the guest has no driver; rejects with ECONNREFUSED if
   * nobody listens there, ECONNRESET if the guest is reset meanwhile, and the signal's reason when it is aborted.
   */
  connect(guestPort: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<VsockStream> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      if (this.#closed)
        throw new VmError('ERR_INLINUX_MACHINE_CLOSED', 'the machine of this vsock device is closed')
      const connection = new Connection({
        owner: this.#owner,
        hostPort: this.#freePort(),
        guestPort,
        bufAlloc: this.#bufferBytes,
        opened: (error) => {
          signal?.removeEventListener('abort', abort)
          if (error === undefined) resolve(connection.stream)
          else reject(error)
        },
      })
      const abort = (): void => {
        reject(signal?.reason)
        connection.stream.destroy()
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#add(connection)
      this.#owner.readyToSend(connection)
    })
  }

  /** Takes the guest's connections to a port of the host. Throws if somebody does already. */
  listen(hostPort: number, onConnection: IncomingConnection): { close(): void } {
    if (this.#listeners.has(hostPort)) throw new RangeError(`vsock port ${hostPort} already has a listener`)
    this.#listeners.set(hostPort, onConnection)
    return { close: () => void this.#listeners.delete(hostPort) }
  }

  /** Ends every stream with ECONNRESET. For the end of a machine. */
  close(): void {
    this.#closed = true
    this.#listeners.clear()
    for (const connection of [...this.#all()]) connection.fail('ECONNRESET', false)
  }

  // ── The guest's side ──────────────────────────────────────────────────────────────────────────────────────

  activate(driver: ActiveDriver): void {
    this.#driver = driver
  }

  notify(index: number): void {
    if (index === TX) this.#driver?.queues[TX]?.drain(this.#receive)
    else if (index === RX) this.#pump()
  }

  /** The guest has lost all its sockets. Requests that it has never seen keep waiting. */
  reset(): void {
    this.#driver = undefined
    this.#resets = []
    for (const connection of [...this.#all()]) {
      if (connection.nextOp() !== wire.VIRTIO_VSOCK_OP_REQUEST) connection.fail('ECONNRESET', false)
    }
  }

  readonly #receive = (chain: Chain): void => {
    const packet = this.#incoming
    this.counters.packetsFromGuest++
    const whole = packet.readFrom(chain) && packet.length <= chain.readableLength - wire.HEADER_BYTES
    if (!whole || packet.srcCid !== this.#guestCid || packet.dstCid !== wire.VMADDR_CID_HOST) {
      this.counters.dropped++
    } else {
      this.#dispatch(packet, chain)
    }
    this.#driver?.queues[TX]?.push(chain)
  }

  #dispatch(packet: wire.PacketHeader, chain: Chain): void {
    const connection = this.#connections.get(packet.dstPort)?.get(packet.srcPort)
    if (packet.type !== wire.VIRTIO_VSOCK_TYPE_STREAM) this.#refuse(packet)
    else if (connection !== undefined) this.#hand(packet, chain, connection)
    else if (packet.op === wire.VIRTIO_VSOCK_OP_REQUEST) this.#accept(packet)
    else this.#refuse(packet)
  }

  #hand(packet: wire.PacketHeader, chain: Chain, connection: Connection): void {
    connection.updateCredit(packet)
    switch (packet.op) {
      case wire.VIRTIO_VSOCK_OP_RW:
        if (!connection.receive(chain, packet.length)) this.#violated(connection)
        return
      case wire.VIRTIO_VSOCK_OP_CREDIT_UPDATE:
        return
      case wire.VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        connection.creditRequested()
        return
      case wire.VIRTIO_VSOCK_OP_RESPONSE:
        if (!connection.accepted()) this.#violated(connection)
        return
      case wire.VIRTIO_VSOCK_OP_SHUTDOWN:
        if (!connection.peerShutdown(packet.flags)) this.#violated(connection)
        return
      case wire.VIRTIO_VSOCK_OP_RST:
        connection.peerReset()
        return
      default:
        this.#violated(connection)
    }
  }

  #accept(packet: wire.PacketHeader): void {
    const listener = this.#listeners.get(packet.dstPort)
    if (listener === undefined || this.#guestConnections >= MAX_GUEST_CONNECTIONS) {
      this.#refuse(packet)
      return
    }
    const connection = new Connection({
      owner: this.#owner,
      hostPort: packet.dstPort,
      guestPort: packet.srcPort,
      bufAlloc: this.#bufferBytes,
    })
    // Counted until the program is done with it, not until the guest is: what was received stays readable.
    this.#guestConnections++
    connection.stream.once('close', () => this.#guestConnections--)
    this.#add(connection)
    connection.updateCredit(packet)
    process.nextTick(listener, connection.stream)
  }

  #violated(connection: Connection): void {
    this.counters.violations++
    connection.fail('ECONNRESET', true)
  }

  /** virtio 1.2, 5.10.6.4: a packet for no stream is answered with RST, an RST with nothing. */
  #refuse(packet: wire.PacketHeader): void {
    if (packet.op === wire.VIRTIO_VSOCK_OP_RST) return
    this.#sendReset({ hostPort: packet.dstPort, guestPort: packet.srcPort, type: packet.type })
  }

  #sendReset(reset: Reset): void {
    if (this.#resets.length >= MAX_PENDING_RESETS) {
      this.counters.resetsDropped++
      return
    }
    this.#resets.push(reset)
    this.#pump()
  }

  /** Fills the guest's receive buffers as long as there are buffers and packets, but not for ever. */
  #pump(): void {
    const queue = this.#driver?.queues[RX]
    if (queue === undefined) return
    for (let packets = 0; this.#hasWork(); packets++) {
      if (packets === MAX_PACKETS_PER_TURN) {
        this.#bookPump()
        break
      }
      const chain = queue.popOrListen()
      if (chain === undefined) break
      this.#sendOne(chain)
      queue.push(chain)
    }
    queue.signal()
  }

  #sendOne(chain: Chain): void {
    const room = chain.writableLength - wire.HEADER_BYTES
    if (room < 0) {
      this.counters.dropped++
      return
    }
    this.counters.packetsToGuest++
    const reset = this.#resets.shift()
    if (reset !== undefined) {
      this.#writeReset(chain, reset)
      return
    }
    const connection = this.#ready.shift()!
    connection.queued = false
    this.#outgoing.type = wire.VIRTIO_VSOCK_TYPE_STREAM
    connection.send(this.#outgoing, chain, room)
    this.#enqueue(connection)
  }

  #writeReset(chain: Chain, { hostPort, guestPort, type }: Reset): void {
    const packet = this.#outgoing
    packet.srcPort = hostPort
    packet.dstPort = guestPort
    packet.type = type
    packet.op = wire.VIRTIO_VSOCK_OP_RST
    packet.length = packet.flags = packet.bufAlloc = packet.fwdCnt = 0
    packet.writeTo(chain)
    this.counters.resetsSent++
  }

  /** Drops those from the head of the list whose wish has gone. Bounded by the list, which has each only once. */
  #hasWork(): boolean {
    if (this.#resets.length > 0) return true
    while (this.#ready.length > 0 && this.#ready[0]!.nextOp() === 0) this.#ready.shift()!.queued = false
    return this.#ready.length > 0
  }

  #enqueue(connection: Connection): void {
    if (connection.queued || connection.nextOp() === 0) return
    connection.queued = true
    this.#ready.push(connection)
  }

  #bookPump(): void {
    if (this.#pumpBooked) return
    this.#pumpBooked = true
    setImmediate(() => {
      this.#pumpBooked = false
      this.#pump()
    })
  }

  // ── The table of connections ──────────────────────────────────────────────────────────────────────────────

  #add(connection: Connection): void {
    const { hostPort, guestPort } = connection
    const ofPort = this.#connections.get(hostPort) ?? new Map<number, Connection>()
    this.#connections.set(hostPort, ofPort)
    ofPort.set(guestPort, connection)
  }

  #forget(connection: Connection, reset: boolean): void {
    const { hostPort, guestPort } = connection
    const ofPort = this.#connections.get(hostPort)
    if (ofPort?.get(guestPort) === connection) {
      ofPort.delete(guestPort)
      if (ofPort.size === 0) this.#connections.delete(hostPort)
    }
    if (reset) this.#sendReset({ hostPort, guestPort, type: wire.VIRTIO_VSOCK_TYPE_STREAM })
  }

  *#all(): Generator<Connection> {
    for (const ofPort of this.#connections.values()) yield* ofPort.values()
  }

  /** Goes round, so that a number is not used again while the guest may still think of its last user. */
  #freePort(): number {
    // Bounded: among one more port than there are users, one is free.
    for (let tries = this.#connections.size + this.#listeners.size; tries >= 0; tries--) {
      const port = this.#nextPort
      this.#nextPort = port === LAST_PORT ? FIRST_EPHEMERAL_PORT : port + 1
      if (!this.#connections.has(port) && !this.#listeners.has(port)) return port
    }
    throw new RangeError('no free vsock port')
  }
}
