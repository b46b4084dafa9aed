// The guest kernel, built once per recipe and machine: guest/kernel/build.sh under a lock, with a progress display.
//
// The cache entry's name hashes what goes in: the version of Debian's source package, the fragment, build.sh.
// Two checkouts never build at the same time: `flock` holds a lock whose descriptor build.sh, make and gcc
// inherit. It is the kernel's lock, so it cannot go stale, and an orphaned make still keeps others out.
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { cacheDirectory, forgetUnused, inRoot, key, markUsed } from '../lib/paths.mjs'
import { startStep } from '../lib/progress.mjs'
import { answer, run } from '../lib/run.mjs'
import { kernelSource, packageVersion } from '../packages.mjs'

const OBJECTS = 960 // compiled by a full build (measured); wrong by a few, the percentage is a little off
const LOCKED = 75 // exit code of flock: somebody else holds the lock

/** Gives the cache entry's folder: vmlinux, System.map, kernel.config, release, gcc. */
export async function buildKernel() {
  const step = startStep('guest kernel')
  const source = `/usr/src/${kernelSource}.tar.xz`
  const fragment = inRoot('guest/kernel/inlinux.config')
  const recipe = inRoot('guest/kernel/build.sh')
  const sourceVersion = packageVersion(kernelSource)
  const name = `kernel-${key(sourceVersion, await readFile(fragment), await readFile(recipe))}`
  const entry = path.join(cacheDirectory, name)
  if (existsSync(entry)) {
    await markUsed(entry)
    step.done('cached')
    return { entry, sourceVersion }
  }

  await mkdir(cacheDirectory, { recursive: true })
  await forgetUnused('kernel')
  const work = `${entry}.building`
  const build = ['sh', recipe, source, fragment, work, entry]
  const lock = path.join(cacheDirectory, 'kernel.lock')
  let objects = objectsIn(work)
  let phase = 'waiting for the lock'
  const onLine = (line) => {
    if (line.startsWith('inlinux: ')) phase = line.slice('inlinux: '.length)
    else if (/^ {2}(CC|AS) .*\.o$/.test(line)) objects++
    step.update(Math.min(objects / OBJECTS, 0.99), phase)
  }
  try {
    const code = await run('flock', ['-n', '-E', `${LOCKED}`, lock, ...build], {
      onLine,
      accept: [0, LOCKED],
    })
    if (code === LOCKED) {
      step.update(undefined, 'another build is under way on this machine: waiting for it')
      await run('flock', [lock, ...build], { onLine })
    }
  } catch (error) {
    step.fail('the next run goes on from here')
    throw error
  }
  step.done(`built in ${step.elapsed()}`)
  return { entry, sourceVersion }
}

/** How many objects an interrupted build has left behind. */
function objectsIn(work) {
  const names = existsSync(work) ? answer('find', [work, '-name', '*.o']) : ''
  return names ? names.split('\n').length : 0
}
