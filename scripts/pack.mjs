// `prepack`: dist/ with everything that the published package needs, guest included.
//
// The guest's files are compressed with brotli, which every supported Node can undo; src/artifacts unpacks them at
// first use. npm's own compression of the tarball then finds nothing more, so what is printed is what is downloaded.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import { buildPackage } from './build.mjs'
import { artefactsFile } from './guest/index.mjs'
import { cached, inRoot, key } from './lib/paths.mjs'
import { startStep } from './lib/progress.mjs'
import { main, SetupError } from './lib/run.mjs'
import { setUp } from './setup.mjs'

const SIZE_LIMIT = 12 << 20 // bytes; a package that doubled by accident should not go out unseen
const QUALITY = 11 // the best: 14 s for the kernel once, 8 % less than quality 9

const compress = promisify(brotliCompress)

await main(async () => {
  await setUp()
  await buildPackage()
  const artefacts = JSON.parse(await readFile(artefactsFile, 'utf8'))
  const folder = inRoot('dist/guest')
  await mkdir(folder, { recursive: true })
  let total = 0
  for (const name of ['kernel', 'initramfs', 'root']) {
    const { file, bytes, sha256 } = artefacts[name]
    const packed = await compressed(name, file, sha256)
    artefacts[name] = { file: path.basename(packed), encoding: 'brotli', bytes, sha256 }
    await copyFile(packed, path.join(folder, path.basename(packed)))
    total += (await readFile(packed)).length
  }
  await writeFile(path.join(folder, 'artefacts.json'), `${JSON.stringify(artefacts, null, 2)}\n`)
  process.stderr.write(`guest in the package: ${(total / 2 ** 20).toFixed(1)} MiB\n`)
  if (total > SIZE_LIMIT)
    throw new SetupError(`That is more than the ${SIZE_LIMIT >> 20} MiB that scripts/pack.mjs allows.`)
})

async function compressed(name, file, sha256) {
  const target = `${path.basename(file)}.br`
  const step = startStep(`compress ${path.basename(file)}`)
  const { entry, made } = await cached(`${name}-br`, key(sha256, `${QUALITY}`), async (temporary) => {
    const bytes = await readFile(file)
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    }
    await writeFile(path.join(temporary, target), await compress(bytes, { params }))
  })
  step.done(made ? '' : 'cached')
  return path.join(entry, target)
}
