// The rules take out what they name and nothing else.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withoutKnown } from './known-differences.ts'

const sockets = 'python3 -m test test_socket'
const vsock = (verdict: string): string => `test.test_socket.BasicVSOCKTest.testCreateSocket: ${verdict} run`
const other = 'test.test_socket.GeneralModuleTests.testRefCountGetNameInfo: ok run'

describe('known differences between a native run and a machine', () => {
  it('a skipped family of sockets may be there on one side', () => {
    const left = `${other}\n${vsock('skipped VSOCK sockets required for this test.')}`
    const compared = withoutKnown(sockets, left, `${other}\n${vsock('ok')}`)
    assert.equal(compared.left, other)
    assert.equal(compared.right, other)
    assert.equal(compared.known.length, 1)
  })
  it('a failure in such a family still shows', () => {
    const { left, right } = withoutKnown(sockets, vsock('ok'), vsock('FAIL'))
    assert.notEqual(left, right)
  })
  it('no rule reaches into another case', () => {
    const { left, right } = withoutKnown('python3 -m test test_os', vsock('ok'), vsock('skipped no'))
    assert.notEqual(left, right)
  })
  it('equal outputs are left as they are', () => {
    assert.deepEqual(withoutKnown(sockets, vsock('ok'), vsock('ok')), {
      left: vsock('ok'),
      right: vsock('ok'),
      known: [],
    })
  })
})
