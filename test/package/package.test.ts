// The published package, used as a stranger would: unpacked into an empty folder, with no compiler, no Debian
// packages and no cache in reach. Its npm dependencies are this checkout's, so that no registry is needed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const SIZE_LIMIT = 8 << 20 // bytes of the tarball: what `npm install inlinux` downloads

let folder = ''
let installed = ''
let tarball = ''

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'inlinux-package-'))
  must(spawnSync('npm', ['pack', '--pack-destination', folder], { cwd: repository, encoding: 'utf8' }))
  const [name] = (await readdir(folder)).filter((file) => file.endsWith('.tgz'))
  tarball = path.join(folder, name ?? 'no tarball')
  const modules = path.join(folder, 'node_modules')
  await mkdir(modules)
  must(spawnSync('tar', ['-xzf', tarball, '-C', modules], { encoding: 'utf8' }))
  installed = path.join(modules, 'inlinux')
  await rename(path.join(modules, 'package'), installed)
  const { dependencies } = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8'))
  for (const dependency of Object.keys(dependencies)) {
    await symlink(path.join(repository, 'node_modules', dependency), path.join(modules, dependency))
  }
})

after(() => rm(folder, { recursive: true, force: true }))

function must(result: { status: number | null; stdout: string; stderr: string }) {
  assert.equal(result.status, 0, `${result.stdout}${result.stderr}`)
  return result.stdout
}

/** Runs an ES module in the folder with an environment that has nothing but Node in it. */
async function node(source: string): Promise<string> {
  await writeFile(path.join(folder, 'main.mjs'), source)
  const env = { PATH: '/nonexistent', HOME: folder }
  return must(
    spawnSync(process.execPath, ['main.mjs'], { cwd: folder, env, encoding: 'utf8', timeout: 120_000 }),
  )
}

test('the tarball stays small', async () => {
  const { size } = await stat(tarball)
  assert.ok(size < SIZE_LIMIT, `${size} bytes`)
})

test('it holds no sources, tests or paths of the machine that packed it', async () => {
  assert.deepEqual(
    (await readdir(installed)).filter((name) => ['src', 'test', 'scripts', 'build'].includes(name)),
    [],
  )
  const manifest = await readFile(path.join(installed, 'dist/guest/artefacts.json'), 'utf8')
  assert.ok(!manifest.includes(os.homedir()), manifest)
})

test('it brings its guest, and unpacks it into the cache', async () => {
  const output = await node(`
    const { locateGuest } = await import('./node_modules/inlinux/dist/artifacts/index.js')
    console.log(JSON.stringify(await locateGuest()))`)
  const guest = JSON.parse(output)
  assert.equal(guest.origin, 'package')
  assert.equal((await readFile(guest.kernel)).subarray(0, 4).toString('latin1'), '\x7fELF')
})

test('it runs a program', async () => {
  const output = await node(`
    import { Command } from 'inlinux'
    const { stdout, status } = await new Command('echo').args(['from', 'a', 'guest']).output()
    process.stdout.write(stdout)
    process.exitCode = status.code`)
  assert.equal(output, 'from a guest\n')
})
