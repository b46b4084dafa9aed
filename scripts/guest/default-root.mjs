// The default root file system: Debian's static busybox, our catsay, and the few files that programs expect.
//
// Built in code with the image room's own tree and EROFS writer, owned by root whoever runs this, with all times
// at the epoch: equal inputs give equal bytes.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { cached, contents, inRoot, key } from '../lib/paths.mjs'
import { startStep } from '../lib/progress.mjs'
import { answer } from '../lib/run.mjs'

const BUSYBOX = '/bin/busybox' // of the Debian package busybox-static

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
  const recipe = await contents(inRoot('build/src/image'), inRoot('scripts/guest/default-root.mjs'))
  const entryKey = key(busybox, await readFile(catsay), ...recipe)
  const { entry, made } = await cached('root', entryKey, (temporary) =>
    writeRoot(path.join(temporary, 'root.erofs'), catsay),
  ).catch((error) => {
    step.fail()
    throw error
  })
  step.done(made ? 'written' : 'cached')
  return path.join(entry, 'root.erofs')
}

async function writeRoot(target, catsay) {
  const { TreeBuilder, writeErofs } = await import(pathToFileURL(inRoot('build/src/image/index.js')).href)
  const tree = new TreeBuilder()
  tree.addDirectory('/', { mode: 0o755 })
  for (const folder of folders) tree.addDirectory(folder)
  tree.addDirectory('root', { mode: 0o700 })
  tree.addDirectory('home/user', { uid: 1000, gid: 1000 })
  tree.addDirectory('tmp', { mode: 0o1777 })
  tree.addDirectory('var/tmp', { mode: 0o1777 })
  tree.addSymlink('var/run', '/run')
  tree.addSymlink('etc/mtab', '/proc/self/mounts')
  for (const [name, lines] of Object.entries(etc))
    tree.addFile(`etc/${name}`, lines.map((line) => `${line}\n`).join(''))
  for (const applet of answer(BUSYBOX, ['--list-full']).split('\n')) {
    if (applet !== 'linuxrc') tree.addSymlink(applet, '/bin/busybox')
  }
  tree.addFile('bin/busybox', { file: BUSYBOX }, { mode: 0o755 })
  tree.addFile('bin/catsay', { file: catsay }, { mode: 0o755 })
  await writeErofs(tree, target)
}
