// A stream of any length through `cat`, in constant memory: 64 MiB here, 4 GiB with INLINUX_STREAM_BYTES=4GiB.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { Command, Stdio } from '../../src/command/index.ts'
import { AgentOnHost } from '../agent/agent-on-host.ts'

const PIECE_BYTES = 1 << 16
/** Far below what is streamed, far above what garbage collection leaves lying about. */
const MAX_GROWTH_BYTES = 48 << 20

function wantedBytes(): number {
  const wanted = process.env.INLINUX_STREAM_BYTES ?? '64MiB'
  const match = /^(\d+)(MiB|GiB)$/.exec(wanted)
  if (match === null) throw new Error(`INLINUX_STREAM_BYTES=${wanted}: want a number of MiB or GiB`)
  return Number(match[1]) * (match[2] === 'GiB' ? 2 ** 30 : 2 ** 20)
}

describe('a long stream', () => {
  const total = wantedBytes()

  it(`${total / 2 ** 20} MiB through cat`, { timeout: 600_000 }, async () => {
    await using machine = await disposable()
    const sent = createHash('md5')
    const received = createHash('md5')
    // One piece, changed in place a little each time, would be shared with what is still queued: copies.
    const template = Buffer.from(Array.from({ length: PIECE_BYTES }, (_, i) => (i * 31) ^ (i >>> 8)))
    function* pieces(): Generator<Buffer> {
      for (let at = 0; at < total; at += PIECE_BYTES) {
        const piece = Buffer.from(template)
        piece.writeDoubleLE(at)
        sent.update(piece)
        yield piece
      }
    }

    const before = process.memoryUsage().rss
    let peak = before
    let bytes = 0
    const child = await new Command('cat', { machine: machine.host })
      .stdin(Stdio.from(pieces()))
      .stdout(Stdio.piped())
      .spawn()
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      received.update(chunk)
      bytes += chunk.length
      peak = Math.max(peak, process.memoryUsage.rss())
    }

    assert.ok((await child.wait()).success)
    assert.equal(bytes, total)
    assert.equal(received.digest('hex'), sent.digest('hex'))
    assert.ok(peak - before < MAX_GROWTH_BYTES, `grew by ${Math.round((peak - before) / 2 ** 20)} MiB`)
  })

  it('a reader that stops stops the writer', async () => {
    await using machine = await disposable()
    let sent = 0
    function* endless(): Generator<Buffer> {
      for (;;) {
        sent += PIECE_BYTES
        yield Buffer.alloc(PIECE_BYTES)
      }
    }
    const child = await new Command('cat', { machine: machine.host })
      .stdin(Stdio.from(endless()))
      .stdout(Stdio.piped())
      .spawn()
    await new Promise((resolve) => setTimeout(resolve, 300))
    const early = sent
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.equal(sent, early)
    assert.ok(sent < 4 << 20, `${sent} bytes were taken although nobody reads`)
    await child[Symbol.asyncDispose]()
  })
})

async function disposable(): Promise<AsyncDisposable & { readonly host: AgentOnHost }> {
  const host = await AgentOnHost.start()
  return { host, [Symbol.asyncDispose]: () => host.close() }
}
