// The default root file system: Debian's static busybox, our catsay, and the few files that programs expect.
//
// It is described here as a list of tar entries and goes through the same door as a user's archive
// (`image.fromTar`), so the default root gets no treatment that a user's root would not get.
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { cached, contents, inRoot, key } from '../lib/paths.mjs'
import { startStep } from '../lib/progress.mjs'
import { answer } from '../lib/run.mjs'

const BUSYBOX = '/bin/busybox' // of the Debian package busybox-static
const EPOCH = new Date(0) // equal contents give equal bytes

const folders = [
  ...[
    'bin',
    'sbin',
    'dev',
    'etc',
    'home',
    'lib',
    'mnt',
    'opt',
    'proc',
    'run',
    'srv',
    'sys',
    'usr',
    'usr/bin',
  ],
  ...['usr/sbin', 'usr/local', 'usr/local/bin', 'usr/local/sbin', 'var', 'var/cache', 'var/lib', 'var/log'],
]

const etc = {
  passwd: [
    'root:x:0:0:root:/root:/bin/sh',
    'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
    'nobody:x:65534:65534:nobody:/nonexistent:/bin/false',
    'user:x:1000:1000:user:/home/user:/bin/sh',
  ],
  group: ['root:x:0:', 'daemon:x:1:', 'tty:x:5:', 'users:x:100:', 'user:x:1000:', 'nogroup:x:65534:'],
  hosts: ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback'],
  hostname: ['inlinux'],
  'host.conf': ['multi on'],
  'resolv.conf': [],
  shells: ['/bin/sh', '/bin/ash'],
  profile: ["export PS1='\\u@\\h:\\w\\$ '"],
  'os-release': ['ID=inlinux', 'NAME="inlinux default root"', 'PRETTY_NAME="inlinux default root (busybox)"'],
}

/** Gives the path of root.erofs. */
export async function makeDefaultRoot(catsay) {
  const step = startStep('default root')
  const busybox = await readFile(BUSYBOX)
  const catsayBytes = await readFile(catsay)
  const writer = await contents(inRoot('build/src/image'), inRoot('scripts/guest/default-root.mjs'))
  const { entry, made } = await cached('root', key(busybox, catsayBytes, ...writer), async (temporary) => {
    const archive = path.join(temporary, 'root.tar')
    await writeFile(archive, await tar(entries(busybox, catsayBytes)))
    await writeErofs(archive, temporary)
  }).catch((error) => {
    step.fail()
    throw error
  })
  step.done(made ? 'written' : 'cached')
  return path.join(entry, 'root.erofs')
}

function entries(busybox, catsay) {
  const directory = (name, mode = 0o755, id = 0) => ({ name, type: 'directory', mode, uid: id, gid: id })
  const file = (name, data, mode = 0o644) => ({ name, type: 'file', mode, data: Buffer.from(data) })
  const link = (name, linkname) => ({ name, type: 'symlink', mode: 0o777, linkname })
  const applets = answer(BUSYBOX, ['--list-full'])
    .split('\n')
    .filter((name) => name !== 'bin/busybox')
  return [
    ...folders.map((name) => directory(name)),
    directory('root', 0o700),
    directory('home/user', 0o755, 1000),
    directory('tmp', 0o1777),
    directory('var/tmp', 0o1777),
    link('var/run', '/run'),
    link('etc/mtab', '/proc/self/mounts'),
    ...Object.entries(etc).map(([name, lines]) =>
      file(`etc/${name}`, lines.map((line) => `${line}\n`).join('')),
    ),
    file('bin/busybox', busybox, 0o755),
    file('bin/catsay', catsay, 0o755),
    ...applets.map((name) => link(name, '/bin/busybox')),
  ]
}

async function tar(list) {
  const { pack } = await import('tar-stream')
  const archive = pack()
  for (const { data, ...header } of list) archive.entry({ uid: 0, gid: 0, mtime: EPOCH, ...header }, data)
  archive.finalize()
  const chunks = []
  for await (const chunk of archive) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function writeErofs(archive, folder) {
  const image = await import(pathToFileURL(inRoot('build/src/image/index.js')).href)
  throw new Error(`not connected yet: ${archive} ${folder} ${Object.keys(image)}`)
}
