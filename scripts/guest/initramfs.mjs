// The initramfs: the agent as /init and nothing else that could be left out. The kernel opens /dev/console before
// /init runs, so the node must be there; the empty folders are where the agent mounts.
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cached, contents, inRoot, key } from '../lib/paths.mjs'
import { startStep } from '../lib/progress.mjs'
import { writeCpio } from './cpio.mjs'

export async function makeInitramfs(agent) {
  const agentBytes = await readFile(agent)
  const entryKey = key(
    agentBytes,
    ...(await contents(inRoot('scripts/guest/initramfs.mjs'), inRoot('scripts/guest/cpio.mjs'))),
  )
  const step = startStep('initramfs')
  const { entry, made } = await cached('initramfs', entryKey, (temporary) =>
    writeFile(path.join(temporary, 'initramfs.cpio'), initramfs(agentBytes)),
  )
  step.done(made ? 'written' : 'cached')
  return path.join(entry, 'initramfs.cpio')
}

function initramfs(agentBytes) {
  const folder = (name) => ({ name, kind: 'directory', mode: 0o755 })
  return writeCpio([
    ...['dev', 'proc', 'root'].map(folder),
    { name: 'dev/console', kind: 'character', mode: 0o600, major: 5, minor: 1 },
    { name: 'init', kind: 'file', mode: 0o755, data: agentBytes },
  ])
}
