// All set-up of a checkout, idempotent: npm packages, Debian packages, compile, guest. Seconds when nothing is to do.
//
// Runs right after `git clone`, when node_modules is not there yet: nothing that is imported at the top of this file,
// directly or indirectly, may come from npm.
import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { build } from './build.mjs'
import { makeGuest } from './guest/index.mjs'
import { inRoot } from './lib/paths.mjs'
import { startStep } from './lib/progress.mjs'
import { main, run, SetupError } from './lib/run.mjs'
import { ensurePackages } from './packages.mjs'

/** `packages`: groups of scripts/packages.mjs. */
export async function setUp({ packages = ['build'] } = {}) {
  checkMachine()
  await ensureNodeModules()
  await ensurePackages(packages)
  await build()
  await makeGuest()
}

function checkMachine() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    throw new SetupError(`Node 20.19 or newer is needed, this is ${process.version}`)
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new SetupError(`The guest is built on Linux x86-64; this is ${process.platform} ${process.arch}`)
  }
}

/** `npm ci` unless what is installed is what package-lock.json asks for. */
async function ensureNodeModules() {
  const step = startStep('npm packages')
  const wanted = await lockedVersions('package-lock.json')
  const installed = await lockedVersions('node_modules/.package-lock.json').catch(() => new Map())
  const differs = [...wanted].filter(([name, { version, optional }]) =>
    installed.has(name) ? installed.get(name).version !== version : !optional,
  )
  if (differs.length === 0) return step.done('all there')
  try {
    await run('npm', ['ci', '--no-audit', '--no-fund'], { onLine: (line) => step.update(undefined, line) })
  } catch (error) {
    step.fail()
    throw error
  }
  step.done(`installed in ${step.elapsed()}`)
}

async function lockedVersions(lockFile) {
  const { packages } = JSON.parse(await readFile(inRoot(lockFile), 'utf8'))
  return new Map(Object.entries(packages).filter(([name]) => name !== ''))
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    const groups = process.argv.slice(2)
    await setUp(groups.length === 0 ? {} : { packages: groups })
  })
}
