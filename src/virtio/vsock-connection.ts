// One vsock stream as the protocol sees it (virtio 1.2, section 5.10.6): state, credit, shutdown, what to send next.
//
//   connecting ──RESPONSE──► open ──RST, both ends shut, destroy()──► closed
//        └────RST (refused)────────────────────────────────────────────┘
//
// Credit, in bytes modulo 2³²: each side tells `buf_alloc`, its room, and `fwd_cnt`, what it has passed on; the other
// may have  tx_cnt − fwd_cnt ≤ buf_alloc  under way. Ours is passed on when the program's Readable asked for it.
//
// Nothing is queued towards the guest but the program's one outstanding write, and each kind of control packet
// needs a flag only. The device asks `nextOp` when there is room in the guest, so the bounds are these fields.
// Callbacks into the program run in a later tick: what they throw is the program's, not the device's, affair.

import type { Chain } from './chain.ts'
import {
  type PacketHeader,
  VIRTIO_VSOCK_OP_CREDIT_UPDATE,
  VIRTIO_VSOCK_OP_REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE,
  VIRTIO_VSOCK_OP_RW,
  VIRTIO_VSOCK_OP_SHUTDOWN,
  VIRTIO_VSOCK_SHUTDOWN_RCV,
  VIRTIO_VSOCK_SHUTDOWN_SEND,
} from './vsock-packet.ts'
import { type StreamEnd, VsockStream } from './vsock-stream.ts'

type Done = (error?: Error | null) => void

/** Linux takes packets of at most this size (VIRTIO_VSOCK_MAX_PKT_BUF_SIZE). */
const MAX_PAYLOAD_BYTES = 64 * 1024
/**
 * A guest that sends its credit as packets of one byte would make us keep an object of a hundred bytes for each.
 * So what the program has not asked for yet is gathered in pieces of at least this size.
 */
const MIN_CHUNK_BYTES = 4096
const SHUTDOWN_BOTH = VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND

/** What a connection needs from the device. */
export interface ConnectionOwner {
  /** `nextOp` is no longer 0. */
  readyToSend(connection: Connection): void
  /** The connection is over for the guest; `reset`: and it must be told so. */
  closed(connection: Connection, reset: boolean): void
}

export interface ConnectionOptions {
  readonly owner: ConnectionOwner
  readonly hostPort: number
  readonly guestPort: number
  /** Bytes the guest may send before the program has read them. */
  readonly bufAlloc: number
  /** Given when the host connects: called once, when the guest has answered or never will. */
  readonly opened?: (error?: Error) => void
}

export class Connection implements StreamEnd {
  readonly hostPort: number
  readonly guestPort: number
  readonly stream: VsockStream
  /** In the device's list of those who want to send. */
  queued = false

  readonly #owner: ConnectionOwner
  #state: 'connecting' | 'open' | 'closed'
  #opened: ((error?: Error) => void) | undefined

  readonly #bufAlloc: number
  /** rx_cnt, fwd_cnt and the fwd_cnt that the guest knows. */
  #received = 0
  #forwarded = 0
  #advertised = 0
  readonly #inbox: Uint8Array[] = []
  /** Where the last piece of the inbox lies, and how much of that it uses. */
  #tail: Uint8Array = new Uint8Array(0)
  #tailUsed = 0
  #wantsData = false
  #deliveryBooked = false
  #ended = false

  #sent = 0
  #peerBufAlloc = 0
  #peerForwarded = 0
  #outbox: readonly Uint8Array[] = []
  #outboxIndex = 0
  #outboxOffset = 0
  #outboxLeft = 0
  #writeDone: Done | undefined
  #finishDone: Done | undefined

  #requestSent = false
  #responseDue = false
  #creditUpdateDue = false
  #shutdownDue = 0
  #shutdownSent = 0
  #peerShutdown = 0

  constructor({ owner, hostPort, guestPort, bufAlloc, opened }: ConnectionOptions) {
    this.#owner = owner
    this.hostPort = hostPort
    this.guestPort = guestPort
    this.#bufAlloc = bufAlloc
    this.#opened = opened
    this.#state = opened === undefined ? 'open' : 'connecting'
    this.#responseDue = opened === undefined
    this.stream = new VsockStream(this)
  }

  // ── From the guest ────────────────────────────────────────────────────────────────────────────────────────

  /** Every packet tells the sender's credit. */
  updateCredit(packet: PacketHeader): void {
    this.#peerBufAlloc = packet.bufAlloc
    this.#peerForwarded = packet.fwdCnt
    if (this.nextOp() !== 0) this.#owner.readyToSend(this)
  }

  /** @returns false if that is no answer to a request of ours */
  accepted(): boolean {
    if (this.#state !== 'connecting' || !this.#requestSent) return false
    this.#state = 'open'
    this.#answerConnect()
    return true
  }

  /** Takes `length` bytes of payload out of the chain. @returns false if the guest must not have sent them */
  receive(chain: Chain, length: number): boolean {
    const waiting = (this.#received - this.#forwarded) >>> 0
    if (this.#state !== 'open' || (this.#peerShutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) !== 0) return false
    if (waiting + length > this.#bufAlloc) return false
    if (length === 0) return true
    if (this.stream.destroyed) return this.#discard(length)
    if (this.#tailUsed + length <= this.#tail.length) {
      chain.read(this.#tail, this.#tailUsed, length)
      // The piece that grows is replaced, unless it has been taken.
      if (this.#tailUsed > 0) this.#inbox.pop()
    } else {
      // The more waits, the more will come before it is asked for: pieces of a burst grow.
      const room = Math.max(MIN_CHUNK_BYTES, Math.min(waiting, MAX_PAYLOAD_BYTES))
      this.#tail = Buffer.allocUnsafeSlow(Math.max(length, room))
      this.#tailUsed = 0
      chain.read(this.#tail, 0, length)
    }
    this.#tailUsed += length
    this.#inbox.push(this.#tail.subarray(0, this.#tailUsed))
    this.#received = (this.#received + length) >>> 0
    this.#bookDelivery()
    return true
  }

  /** The guest will not receive, not send, or neither. @returns false if there is nothing to shut yet */
  peerShutdown(flags: number): boolean {
    if (this.#state !== 'open') return false
    this.#peerShutdown |= flags & SHUTDOWN_BOTH
    // Both: the guest has closed its socket, and waits for a reset as the receipt (5.10.6.5).
    if (this.#peerShutdown === SHUTDOWN_BOTH) this.#close(true)
    this.#bookDelivery()
    return true
  }

  peerReset(): void {
    const over = (this.#shutdownSent & this.#peerShutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) !== 0
    if (over) this.#close(false)
    else this.fail(this.#state === 'connecting' ? 'ECONNREFUSED' : 'ECONNRESET', false)
  }

  /** Ends the connection with an error for the program. @param reset tell the guest as well */
  fail(code: 'ECONNREFUSED' | 'ECONNRESET', reset: boolean): void {
    if (this.#state === 'closed') return
    const connecting = this.#state === 'connecting'
    const error = socketError(code, connecting ? 'connect' : 'read')
    this.#close(reset)
    this.#finishWrite(error)
    // Nobody has the stream of a connection that never came to be, so nobody would hear its 'error'.
    this.stream.destroy(connecting ? undefined : error)
    this.#answerConnect(error)
  }

  creditRequested(): void {
    this.#creditUpdateDue = true
    this.#owner.readyToSend(this)
  }

  // ── To the guest ──────────────────────────────────────────────────────────────────────────────────────────

  /** The operation of the next packet, or 0. Data and receipts carry the credit, so an update comes last. */
  nextOp(): number {
    if (this.#state === 'connecting') return this.#requestSent ? 0 : VIRTIO_VSOCK_OP_REQUEST
    if (this.#state === 'closed') return 0
    if (this.#responseDue) return VIRTIO_VSOCK_OP_RESPONSE
    if (this.#outboxLeft > 0 && this.#credit > 0) return VIRTIO_VSOCK_OP_RW
    if (this.#outboxLeft === 0 && this.#shutdownDue !== this.#shutdownSent) return VIRTIO_VSOCK_OP_SHUTDOWN
    return this.#creditUpdateDue ? VIRTIO_VSOCK_OP_CREDIT_UPDATE : 0
  }

  /** Writes the next packet into a chain that has room for a header and `room` bytes more. */
  send(packet: PacketHeader, chain: Chain, room: number): void {
    packet.srcPort = this.hostPort
    packet.dstPort = this.guestPort
    packet.bufAlloc = this.#bufAlloc
    packet.fwdCnt = this.#advertised = this.#forwarded
    packet.op = this.nextOp()
    packet.length = 0
    packet.flags = 0
    this.#creditUpdateDue = false
    switch (packet.op) {
      case VIRTIO_VSOCK_OP_RW:
        packet.length = Math.min(this.#outboxLeft, this.#credit, room, MAX_PAYLOAD_BYTES)
        // A chain without room for payload brings at least the credit.
        if (packet.length === 0) packet.op = VIRTIO_VSOCK_OP_CREDIT_UPDATE
        packet.writeTo(chain)
        this.#sendData(chain, packet.length)
        return
      case VIRTIO_VSOCK_OP_SHUTDOWN:
        packet.flags = this.#shutdownDue
        packet.writeTo(chain)
        this.#shutdownWasSent()
        return
      case VIRTIO_VSOCK_OP_REQUEST:
        this.#requestSent = true
        break
      case VIRTIO_VSOCK_OP_RESPONSE:
        this.#responseDue = false
        break
    }
    packet.writeTo(chain)
  }

  // ── From the program ──────────────────────────────────────────────────────────────────────────────────────

  readMore(): void {
    this.#wantsData = true
    if (this.#inbox.length > 0) this.#deliver()
  }

  write(chunks: readonly Uint8Array[], done: Done): void {
    this.#outbox = chunks
    this.#outboxIndex = this.#outboxOffset = 0
    this.#outboxLeft = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    this.#writeDone = done
    if (this.#outboxLeft === 0) this.#finishWrite()
    else if (this.#peerTakesNothing) this.#bookDelivery()
    else this.#owner.readyToSend(this)
  }

  finish(done: Done): void {
    if (this.#peerTakesNothing) {
      done()
      return
    }
    this.#finishDone = done
    this.#shutdownDue |= VIRTIO_VSOCK_SHUTDOWN_SEND
    this.#owner.readyToSend(this)
  }

  /** The stream was destroyed. Unsent data or an error make it a reset; otherwise the guest reads what it has. */
  destroy(failed: boolean): void {
    this.#inbox.length = 0
    this.#tail = new Uint8Array(0)
    this.#tailUsed = 0
    if (this.#state === 'closed') return
    if (failed || this.#state === 'connecting' || this.#outboxLeft > 0) {
      const aborted = socketError('ECONNABORTED', this.#state === 'connecting' ? 'connect' : 'write')
      this.#close(this.#state === 'open' || this.#requestSent)
      this.#finishWrite(aborted)
      this.#answerConnect(aborted)
      return
    }
    this.#shutdownDue = SHUTDOWN_BOTH
    this.#owner.readyToSend(this)
  }

  // ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────

  /** A guest that claims to have passed on more than was sent makes this 0 and stalls only itself. */
  get #credit(): number {
    return Math.max(0, this.#peerBufAlloc - ((this.#sent - this.#peerForwarded) >>> 0))
  }

  get #peerTakesNothing(): boolean {
    return this.#state === 'closed' || (this.#peerShutdown & VIRTIO_VSOCK_SHUTDOWN_RCV) !== 0
  }

  #sendData(chain: Chain, length: number): void {
    for (let left = length; left > 0; ) {
      const chunk = this.#outbox[this.#outboxIndex]!
      const part = chain.write(chunk, this.#outboxOffset, Math.min(left, chunk.length - this.#outboxOffset))
      left -= part
      this.#outboxOffset += part
      if (this.#outboxOffset === chunk.length) {
        this.#outboxIndex++
        this.#outboxOffset = 0
      }
    }
    this.#sent = (this.#sent + length) >>> 0
    this.#outboxLeft -= length
    if (this.#outboxLeft === 0) this.#finishWrite()
  }

  #shutdownWasSent(): void {
    this.#shutdownSent = this.#shutdownDue
    const done = this.#finishDone
    this.#finishDone = undefined
    if (done !== undefined) process.nextTick(done)
    // The program has let go of the stream. The guest's receipt finds nobody, and needs nobody.
    if (this.#shutdownSent === SHUTDOWN_BOTH) this.#close(false)
  }

  #bookDelivery(): void {
    if (this.#deliveryBooked) return
    this.#deliveryBooked = true
    process.nextTick(() => {
      this.#deliveryBooked = false
      this.#deliver()
    })
  }

  /** One piece for each `_read`: small packets gather meanwhile. Then what must come after the data. */
  #deliver(): void {
    if (this.stream.destroyed) return
    while (this.#wantsData && this.#inbox.length > 0) {
      const chunk = this.#takeChunk()
      this.#wantsData = false
      this.#forwarded = (this.#forwarded + chunk.length) >>> 0
      this.stream.push(chunk)
    }
    if (this.#state === 'open' && (this.#forwarded - this.#advertised) >>> 0 >= this.#bufAlloc / 4) {
      this.#creditUpdateDue = true
      this.#owner.readyToSend(this)
    }
    if (this.#inbox.length > 0) return
    const noMore = this.#state === 'closed' || (this.#peerShutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) !== 0
    if (noMore && !this.#ended) {
      this.#ended = true
      this.stream.push(null)
    }
    // Failing the write destroys the stream, so the guest's last words come first.
    if (this.#peerTakesNothing) {
      if (this.#writeDone !== undefined) this.#finishWrite(socketError('EPIPE', 'write'))
      this.#finishDone?.()
      this.#finishDone = undefined
    }
  }

  #takeChunk(): Uint8Array {
    const chunk = this.#inbox.shift()!
    if (this.#inbox.length > 0) return chunk
    // A few bytes must not keep a large buffer alive in the program's hands: they are copied, and it serves again.
    const small = chunk.length < this.#tail.length / 2
    if (!small) this.#tail = new Uint8Array(0)
    this.#tailUsed = 0
    return small ? Buffer.from(chunk) : chunk
  }

  /** The program has destroyed the stream, and the guest does not know yet. */
  #discard(length: number): true {
    this.#received = (this.#received + length) >>> 0
    this.#forwarded = (this.#forwarded + length) >>> 0
    return true
  }

  #finishWrite(error?: Error): void {
    const done = this.#writeDone
    this.#writeDone = undefined
    this.#outbox = []
    this.#outboxLeft = 0
    if (done !== undefined) process.nextTick(done, error)
  }

  #close(reset: boolean): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#owner.closed(this, reset)
  }

  #answerConnect(error?: Error): void {
    const opened = this.#opened
    this.#opened = undefined
    opened?.(error)
  }
}

/** An error as `node:net` would give it. */
function socketError(code: string, syscall: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall })
}
