// The header of every vsock packet (virtio 1.2, section 5.10.6), 44 bytes, little-endian, no padding:
//
//    0 src_cid u64 │  8 dst_cid u64 │ 16 src_port u32 │ 20 dst_port u32 │ 24 len u32
//   28 type u16    │ 30 op u16      │ 32 flags u32    │ 36 buf_alloc u32 │ 40 fwd_cnt u32
//
// One object and one buffer serve all packets of a device, because a packet must not cost an allocation.

import type { Chain } from './chain.ts'

export const HEADER_BYTES = 44

/** 5.10.4: the host's own address. */
export const VMADDR_CID_HOST = 2

/** 5.10.6: values of `type` and `op`. */
export const VIRTIO_VSOCK_TYPE_STREAM = 1
export const VIRTIO_VSOCK_OP_REQUEST = 1
export const VIRTIO_VSOCK_OP_RESPONSE = 2
export const VIRTIO_VSOCK_OP_RST = 3
export const VIRTIO_VSOCK_OP_SHUTDOWN = 4
export const VIRTIO_VSOCK_OP_RW = 5
export const VIRTIO_VSOCK_OP_CREDIT_UPDATE = 6
export const VIRTIO_VSOCK_OP_CREDIT_REQUEST = 7

/** 5.10.6.5: flags of SHUTDOWN. The sender of the packet will do no more of this. */
export const VIRTIO_VSOCK_SHUTDOWN_RCV = 1
export const VIRTIO_VSOCK_SHUTDOWN_SEND = 2

export class PacketHeader {
  srcCid = 0
  dstCid = 0
  srcPort = 0
  dstPort = 0
  length = 0
  type: number = VIRTIO_VSOCK_TYPE_STREAM
  op = 0
  flags = 0
  bufAlloc = 0
  fwdCnt = 0
  readonly #bytes = new Uint8Array(HEADER_BYTES)
  readonly #view = new DataView(this.#bytes.buffer)

  /** @returns false if the chain is too short to hold a header */
  readFrom(chain: Chain): boolean {
    if (chain.read(this.#bytes, 0, HEADER_BYTES) < HEADER_BYTES) return false
    const view = this.#view
    // Above 2⁵³ a CID rounds, and is nobody's either way.
    this.srcCid = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32
    this.dstCid = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32
    this.srcPort = view.getUint32(16, true)
    this.dstPort = view.getUint32(20, true)
    this.length = view.getUint32(24, true)
    this.type = view.getUint16(28, true)
    this.op = view.getUint16(30, true)
    this.flags = view.getUint32(32, true)
    this.bufAlloc = view.getUint32(36, true)
    this.fwdCnt = view.getUint32(40, true)
    return true
  }

  writeTo(chain: Chain): void {
    const view = this.#view
    view.setUint32(0, this.srcCid, true)
    view.setUint32(4, 0, true)
    view.setUint32(8, this.dstCid, true)
    view.setUint32(12, 0, true)
    view.setUint32(16, this.srcPort, true)
    view.setUint32(20, this.dstPort, true)
    view.setUint32(24, this.length, true)
    view.setUint16(28, this.type, true)
    view.setUint16(30, this.op, true)
    view.setUint32(32, this.flags, true)
    view.setUint32(36, this.bufAlloc, true)
    view.setUint32(40, this.fwdCnt, true)
    chain.write(this.#bytes, 0, HEADER_BYTES)
  }
}
