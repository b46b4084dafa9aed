// The Debian packages the project needs, in one table, and how they get onto the machine.
//
// `build` is all that `npm run demo` needs. `test` are the partners of `npm test`: real programs that judge ours.
// `programs` are for `npm run test:programs` only. `npm install inlinux` needs none of them.

import { startStep } from './lib/progress.mjs'
import { answer, run, SetupError } from './lib/run.mjs'

export const kernelSource = 'linux-source-6.12'

const packages = {
  build: {
    [kernelSource]: 'the guest kernel: Debian source of the 6.12 LTS',
    gcc: 'compiles the kernel',
    'libc6-dev': 'the kernel build runs small programs of its own on this machine',
    make: 'the kernel build',
    flex: 'the kernel build: its configuration language',
    bison: 'the kernel build: its configuration language',
    bc: 'the kernel build: timer constants',
    'libelf-dev': 'the kernel build: objtool',
    'xz-utils': 'unpacks the kernel source',
    'linux-libc-dev': 'kernel headers for the agent',
    'musl-tools': 'links the agent and catsay statically, at a twentieth of the size that glibc has',
    'busybox-static': 'the programs of the default root file system',
  },
  test: {
    cpio: 'judges our initramfs',
    'erofs-utils': 'judges our EROFS images',
    umoci: 'judges how we apply container layers',
    zstd: 'makes compressed archives to read',
    'qemu-system-x86': 'boots the same guest: a second opinion, and the peer in bench/',
  },
  programs: {
    mmdebstrap: 'makes the Debian root file system that runs in the guest and natively',
  },
}

/** Makes sure that the packages of these groups are installed. As root it installs them, else it says how. */
export async function ensurePackages(groups) {
  const step = startStep('Debian packages')
  const wanted = groups.flatMap((group) => Object.keys(packages[group]))
  const missing = wanted.filter((name) => !isInstalled(name))
  if (missing.length === 0) return step.done('all there')
  const fix = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`
  if (answer('apt-get', ['--version']) === undefined) {
    step.fail()
    throw new SetupError(`This set-up knows Debian 12 only. What it looks for: ${missing.join(', ')}`)
  }
  if (process.getuid?.() !== 0) {
    step.fail(`${missing.length} missing`)
    throw new SetupError(`Run this once, then start again:\n\n  sudo sh -c '${fix}'\n`)
  }
  // Another apt may be at work on a fresh machine: wait for its lock instead of failing.
  const wait = ['-o', 'DPkg::Lock::Timeout=600', '-q']
  const env = { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'a' }
  const onLine = (line) => step.update(undefined, line)
  try {
    await run('apt-get', [...wait, 'update'], { env, onLine })
    await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', ...missing], { env, onLine })
  } catch (error) {
    step.fail()
    throw new SetupError(`${error.message}\n\nThe command that failed, to try by hand:\n\n  ${fix}\n`)
  }
  step.done(`installed ${missing.join(' ')}`)
}

const isInstalled = (name) => query('db:Status-Status', name) === 'installed'

/** The installed version of a Debian package. */
export const packageVersion = (name) => query('Version', name)

const query = (field, name) => answer('dpkg-query', ['-W', '-f', `\${${field}}`, name])
