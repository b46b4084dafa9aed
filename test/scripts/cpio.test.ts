// The initramfs writer, judged by GNU cpio: what it lists and unpacks is what was put in.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, readlink, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

const { writeCpio } = (await import(new URL('../../../scripts/guest/cpio.mjs', import.meta.url).href)) as {
  writeCpio(entries: readonly object[]): Buffer
}

const entries = [
  { name: 'dev', kind: 'directory', mode: 0o755 },
  { name: 'dev/console', kind: 'character', mode: 0o600, major: 5, minor: 1 },
  { name: 'link', kind: 'symlink', mode: 0o777, data: Buffer.from('dev/somewhere') },
  ...[0, 1, 2, 3, 4, 5].map((length) => ({
    name: `${'n'.repeat(length)}-file`, // every alignment of name and data
    kind: 'file',
    mode: 0o640 + length,
    data: Buffer.alloc(length * 1001, length + 1),
  })),
]

function cpio(archive: Buffer, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync('cpio', args, { input: archive, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return stdout
}

test('GNU cpio lists every entry with its kind, mode, owner and device number', () => {
  const lines = cpio(writeCpio(entries), '-itv', '--numeric-uid-gid').trim().split('\n')
  assert.equal(lines.length, entries.length)
  assert.match(lines[0] ?? '', /^drwxr-xr-x +2 0 +0 +0 .* dev$/)
  assert.match(lines[1] ?? '', /^crw------- +1 0 +0 +5, +1 .* dev\/console$/)
  assert.match(lines[2] ?? '', /^lrwxrwxrwx .* link -> dev\/somewhere$/)
  assert.match(lines[8] ?? '', /^-rw-r--r-x .* 5005 .* nnnnn-file$/)
})

test('GNU cpio unpacks the same bytes', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'inlinux-cpio-'))
  try {
    const wanted = entries.filter(({ kind }) => kind !== 'character')
    cpio(writeCpio(wanted), '-id', '--quiet', '-D', folder)
    assert.equal(await readlink(path.join(folder, 'link')), 'dev/somewhere')
    for (const entry of entries) {
      if (!('data' in entry) || entry.kind !== 'file') continue
      assert.deepEqual(await readFile(path.join(folder, entry.name)), entry.data)
      assert.equal((await stat(path.join(folder, entry.name))).mode & 0o777, entry.mode)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('equal contents give equal bytes', () => {
  assert.deepEqual(writeCpio(entries), writeCpio(entries))
})
