// Compiles the checkout: TypeScript -> build/, the instruction table's generator, AssemblyScript -> core.wasm.
//
//   node scripts/build.mjs            build/ for running and testing in the checkout
//   import { buildPackage }           dist/ for `npm pack`
//
// A step runs only when the hash of its inputs changed or its output is gone. The generator runs between the two
// compilers because it is TypeScript itself, and what it writes is AssemblyScript.

import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { contents, filesBelow, inRoot, key } from './lib/paths.mjs'
import { startStep } from './lib/progress.mjs'
import { main, run } from './lib/run.mjs'

const stampsFile = inRoot('build/.stamps.json')
const bin = (name) => inRoot('node_modules/.bin', name)

const core = inRoot('src/engine/soft/core/index.ts')
const coreWasm = inRoot('build/src/engine/soft/core.wasm')
const handlers = inRoot('build/src/engine/soft/handlers.json')
const generator = inRoot('build/src/engine/soft/table/generate.js')

/**
 * Memory in pages of 64 KiB: the core can address all that it shares with the guest. Its constant tables go where
 * src/engine/soft/core/layout.ts draws them; asc's default (1024) would lay them over the CPU's state.
 */
const ascOptions = [
  ...['-O3', '--runtime', 'stub', '--noAssert'],
  '--exportTable',
  ...['--importMemory', '--sharedMemory', '--initialMemory', '1024', '--maximumMemory', '65536'],
  ...['--memoryBase', '65536', '--enable', 'threads', '--enable', 'simd'],
  // "Exchange of v128 values": no such function is exported from the module.
  ...['--disableWarning', '112'],
]

/** build/ : everything, tests and benchmarks included. */
export async function build() {
  const toolchain = [await readFile(inRoot('package-lock.json'))]
  await step('TypeScript', {
    inputs: [
      ...toolchain,
      ...(await contents(...['src', 'test', 'bench', 'tsconfig.json'].map((name) => inRoot(name)))),
    ],
    output: inRoot('build/src'),
    async make() {
      await removeOrphans()
      await run(bin('tsc'), ['-p', '.', '--pretty', 'false'])
    },
  })
  if (existsSync(generator)) {
    await step('instruction table', {
      inputs: await contents(inRoot('build/src/engine/soft/table')),
      output: handlers,
      make: () => run(process.execPath, [generator]),
    })
  }
  if (existsSync(core)) {
    await step('CPU core', {
      inputs: [...toolchain, ascOptions.join(' '), ...(await contents(path.dirname(core)))],
      output: coreWasm,
      make: () => run(bin('asc'), [path.relative(inRoot(), core), ...ascOptions, '--outFile', coreWasm]),
    })
  }
}

/** dist/ : what the published package holds, without the guest (see pack.mjs). */
export async function buildPackage() {
  await build()
  await rm(inRoot('dist'), { recursive: true, force: true })
  await run(bin('tsc'), ['-p', 'tsconfig.package.json', '--pretty', 'false'])
  if (existsSync(coreWasm)) {
    await mkdir(inRoot('dist/engine/soft'), { recursive: true })
    await copyFile(coreWasm, inRoot('dist/engine/soft/core.wasm'))
    await copyFile(handlers, inRoot('dist/engine/soft/handlers.json'))
  }
}

async function step(name, { inputs, output, make }) {
  const stamp = key(...inputs)
  if ((await stamps())[name] === stamp && existsSync(output)) return
  const progress = startStep(name)
  try {
    await make()
  } catch (error) {
    progress.fail()
    throw error
  }
  await mkdir(path.dirname(stampsFile), { recursive: true })
  await writeFile(stampsFile, JSON.stringify({ ...(await stamps()), [name]: stamp }, null, 2))
  progress.done(`compiled in ${progress.elapsed()}`)
}

const stamps = async () => (existsSync(stampsFile) ? JSON.parse(await readFile(stampsFile, 'utf8')) : {})

/** Outputs of sources that are gone: a deleted test would otherwise be run for ever. */
async function removeOrphans() {
  for (const folder of ['src', 'test', 'bench']) {
    for (const file of await filesBelow(inRoot('build', folder))) {
      const source = path.relative(inRoot('build'), file).replace(/(\.js|\.d\.ts)(\.map)?$/, '.ts')
      if (source.endsWith('.ts') && !existsSync(inRoot(source))) await rm(file, { force: true })
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(build)
