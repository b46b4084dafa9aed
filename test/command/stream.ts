// A long stream through `cat`, wherever the commands run: complete, unchanged, and in constant memory.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type Command, Stdio } from '../../src/command/index.ts'

const PIECE_BYTES = 1 << 16
/** Far below what is streamed, far above what garbage collection leaves lying about. */
const MAX_GROWTH_BYTES = 48 << 20
/** Pipes, the agent, the windows of two vsock streams and Node's own buffers, all full. */
const MAX_UNDER_WAY_BYTES = 4 << 20

/** 64 MiB, or what INLINUX_STREAM_BYTES says (`4GiB`). */
export function wantedBytes(): number {
  const wanted = process.env.INLINUX_STREAM_BYTES ?? '64MiB'
  const match = /^(\d+)(MiB|GiB)$/.exec(wanted)
  if (match === null) throw new Error(`INLINUX_STREAM_BYTES=${wanted}: want a number of MiB or GiB`)
  return Number(match[1]) * (match[2] === 'GiB' ? 2 ** 30 : 2 ** 20)
}

export async function throughCat(
  cat: Command,
  total: number,
  maxGrowth: number = MAX_GROWTH_BYTES,
): Promise<void> {
  const sent = createHash('md5')
  const received = createHash('md5')
  const template = Buffer.from(Array.from({ length: PIECE_BYTES }, (_, i) => (i * 31) ^ (i >>> 8)))
  function* pieces(): Generator<Buffer> {
    for (let at = 0; at < total; at += PIECE_BYTES) {
      const piece = Buffer.from(template) // a copy: the last one may still be under way
      piece.writeDoubleLE(at)
      sent.update(piece)
      yield piece
    }
  }

  const before = process.memoryUsage.rss()
  let peak = before
  let bytes = 0
  const child = await cat.stdin(Stdio.from(pieces())).stdout(Stdio.piped()).spawn()
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    received.update(chunk)
    bytes += chunk.length
    peak = Math.max(peak, process.memoryUsage.rss())
  }

  assert.ok((await child.wait()).success)
  assert.equal(bytes, total)
  assert.equal(received.digest('hex'), sent.digest('hex'))
  assert.ok(peak - before < maxGrowth, `grew by ${Math.round((peak - before) / 2 ** 20)} MiB`)
}

/** A reader that stops stops the writer. */
export async function intoNobody(cat: Command): Promise<void> {
  let sent = 0
  function* endless(): Generator<Buffer> {
    for (;;) {
      sent += PIECE_BYTES
      yield Buffer.alloc(PIECE_BYTES)
    }
  }
  const child = await cat.stdin(Stdio.from(endless())).stdout(Stdio.piped()).spawn()
  let early = -1
  for (let tries = 0; tries < 50 && early !== sent; tries++) {
    early = sent
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  assert.equal(sent, early)
  assert.ok(sent < MAX_UNDER_WAY_BYTES, `${sent} bytes were taken although nobody reads`)
  await child[Symbol.asyncDispose]()
}
