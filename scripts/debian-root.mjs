// The Debian root of the suite of real programs, made once per recipe: test/programs/debian-root.sh under a lock.
//
//   node scripts/debian-root.mjs            prints the folder that holds root.tar and tree/, making it if need be
//   node scripts/debian-root.mjs --cached   prints it only if it is there already, else nothing
//
// mmdebstrap must be root here: what it makes is run natively by chroot, with the owners and devices it has in the
// guest. Progress goes to stderr.
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { cacheDirectory, inRoot, key } from './lib/paths.mjs'
import { startStep } from './lib/progress.mjs'
import { answer, main, run, SetupError } from './lib/run.mjs'

const PACKAGES = 160 // installed in all (measured); wrong by a few, the percentage is a little off
const LOCKED = 75 // exit code of flock: somebody else holds the lock

await main(async () => {
  const recipe = inRoot('test/programs/debian-root.sh')
  const entry = path.join(cacheDirectory, `debian-root-${key(await readFile(recipe))}`)
  if (!existsSync(entry)) {
    if (process.argv.includes('--cached')) return
    await make(recipe, entry)
  }
  process.stdout.write(`${entry}\n`)
})

async function make(recipe, entry) {
  if (process.getuid() !== 0) {
    throw new SetupError(
      'A Debian root can only be made, and run natively for comparison, by root:\n\n  sudo npm run test:programs\n',
    )
  }
  if (answer('mmdebstrap', ['--version']) === undefined)
    throw new SetupError('mmdebstrap is missing:\n\n  apt-get install -y mmdebstrap\n')
  await mkdir(cacheDirectory, { recursive: true })
  const step = startStep('Debian root')
  const lock = path.join(cacheDirectory, 'debian-root.lock')
  const build = ['sh', recipe, `${entry}.building`, entry]
  let phase = 'waiting for the lock'
  let installed = 0
  // apt names only the sources whose lists it has: a fresh container has none.
  if (!answer('apt-get', ['indextargets', 'Created-By: Packages'])) {
    step.update(undefined, 'apt-get update')
    await run('apt-get', ['update'])
  }
  const onLine = (line) => {
    if (line.startsWith('inlinux: ')) phase = line.slice('inlinux: '.length)
    else if (line.startsWith('I: ')) phase = line.slice('I: '.length)
    else if (line.startsWith('Setting up ')) installed++
    step.update(Math.min(installed / PACKAGES, 0.99), phase)
  }
  try {
    const code = await run('flock', ['-n', '-E', `${LOCKED}`, lock, ...build], {
      onLine,
      accept: [0, LOCKED],
    })
    if (code === LOCKED) {
      step.update(undefined, 'another one is under way on this machine: waiting for it')
      // The one that waits finds the entry made, unless the other failed.
      await run('flock', [lock, 'sh', '-c', 'test -e "$4" || exec "$1" "$2" "$3" "$4"', 'sh', ...build])
    }
  } catch (error) {
    step.fail()
    throw error
  }
  step.done(`made in ${step.elapsed()}`)
}
