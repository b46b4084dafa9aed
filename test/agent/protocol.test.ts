// The codec, with the bytes of a frame written out, and what it does with bytes that are no frames.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseAgentLine, SIGNAL_NUMBERS, signalName, signalNumber } from '../../src/agent/index.ts'
import * as protocol from '../../src/agent/protocol.ts'

describe('frames', () => {
  it('are laid out as drawn in guest/agent/protocol.h', () => {
    const frame = protocol.encodeFrame(protocol.MSG_SIGNAL, protocol.SIGNAL_GROUP, 7, protocol.encodeU32(15))
    // length 4 | type 2 | flags 1 | id 7 | signal 15
    assert.equal(frame.toString('hex'), '04000000' + '0200' + '0100' + '07000000' + '0f000000')
  })

  it('START carries every string with its length and a NUL', () => {
    const payload = protocol.encodeStart({
      program: 'sh',
      argv: ['sh', 'ü'],
      env: ['A=b'],
      cwd: '/',
      user: '',
      umask: 0o22,
      stdio: ['pipe', 'null', 'stdout'],
    })
    const expected =
      '01000200' + // stdin pipe, stdout null, stderr as stdout, 0
      '12000000' + // umask
      '02000000736800' + // "sh"
      '010000002f00' + // "/"
      '0000000000' + // ""
      '02000000' + // argc
      '02000000736800' + // "sh"
      '02000000c3bc00' + // "ü"
      '01000000' + // envc
      '03000000413d6200' // "A=b"
    assert.equal(payload?.toString('hex'), expected)
  })

  it('a START that no kernel would take is not sent', () => {
    const argv = ['x'.repeat(protocol.MAX_FRAME_TO_GUEST)]
    const request = {
      program: 'x',
      argv,
      env: [],
      cwd: '',
      user: '',
      umask: 0,
      stdio: ['null', 'null', 'null'] as const,
    }
    assert.equal(protocol.encodeStart(request), undefined)
  })

  it('come out the same however the bytes are cut', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 })
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(payloads, cuts, (contents, sizes) => {
        const bytes = Buffer.concat(contents.map((content, id) => protocol.encodeFrame(200, 3, id, content)))
        const reader = new protocol.FrameReader()
        const frames: protocol.Frame[] = []
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const size = sizes[cut % sizes.length] as number
          frames.push(...reader.push(bytes.subarray(at, at + size)))
          at += size
        }
        assert.deepEqual(
          frames.map(({ id, payload }) => [id, [...payload]]),
          contents.map((content, id) => [id, [...content]]),
        )
      }),
    )
  })

  it('a frame above the bound is refused before its payload is waited for', () => {
    const header = protocol.encodeFrame(protocol.MSG_LOG, 0, 0, new Uint8Array())
    header.writeUInt32LE(protocol.MAX_FRAME_TO_HOST + 1, 0)
    assert.throws(() => new protocol.FrameReader().push(header), protocol.ProtocolError)
  })

  it('random bytes give frames or a ProtocolError, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          for (const { payload } of new protocol.FrameReader().push(Buffer.from(bytes))) {
            const reader = new protocol.PayloadReader(payload)
            reader.u32()
            reader.string()
            reader.u64()
          }
        } catch (error) {
          assert.ok(error instanceof protocol.ProtocolError)
        }
      }),
    )
  })
})

describe('signals', () => {
  it('have Linux numbers, both ways', () => {
    assert.equal(signalNumber('SIGTERM'), 15)
    assert.equal(signalNumber('SIGUSR1'), 10)
    assert.equal(signalName(17), 'SIGCHLD')
    assert.equal(signalName(6), 'SIGABRT')
    for (const name of Object.keys(SIGNAL_NUMBERS))
      assert.equal(signalNumber(signalName(signalNumber(name) as number)), signalNumber(name))
  })

  it('include the real-time ones by number', () => {
    assert.equal(signalName(34), 'SIGRT34')
    assert.equal(signalNumber('SIGRT34'), 34)
    assert.equal(signalNumber('SIGRT31'), undefined)
  })

  it('that do not exist are refused', () => {
    for (const wrong of ['TERM', 'sigterm', 'toString', '', -1, 65, 1.5, Number.NaN])
      assert.equal(signalNumber(wrong), undefined)
  })
})

describe('the agent on the console', () => {
  it('names the phase and the reason', () => {
    assert.deepEqual(parseAgentLine('[    0.5] inlinux-agent: mount: /image: No such device\r\n'), {
      phase: 'mount',
      message: '/image: No such device',
    })
  })

  it('other lines say nothing', () => {
    assert.equal(parseAgentLine('inlinux-agent: dance: now'), undefined)
    assert.equal(parseAgentLine('Kernel panic - not syncing'), undefined)
  })
})
