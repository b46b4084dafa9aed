// How fast trees become EROFS images, side by side with mkfs.erofs on the same tree in the same run.
//
//   node build/bench/image.js DIRECTORY      for example an unpacked Debian root
//
// Prints a table and one line of JSON. Ratios are ours divided by theirs: below 1 we are faster or smaller.
// mkfs.erofs 1.5 reads directories only, so an archive is compared with what users would do instead:
// unpack it with tar and run mkfs.erofs.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { image, type RootImage } from '../src/image/index.ts'

const ROUNDS = 3

const source = process.argv[2]
if (source === undefined) {
  process.stderr.write('usage: node build/bench/image.js DIRECTORY\n')
  process.exitCode = 2
} else await main(source)

async function main(directory: string): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'inlinux-bench-'))
  try {
    const archive = join(dir, 'tree.tar')
    execFileSync('tar', ['-C', directory, '--format=pax', '--one-file-system', '-cf', archive, '.'])
    execFileSync('gzip', ['-1k', archive])
    execFileSync('zstd', ['-q', archive])

    const peerImage = join(dir, 'peer.erofs')
    const peer = best(() => {
      rmSync(peerImage, { force: true })
      execFileSync('mkfs.erofs', ['--quiet', peerImage, directory])
    })
    const unpacked = join(dir, 'unpacked')
    const peerOfArchive = best(() => {
      rmSync(unpacked, { recursive: true, force: true })
      rmSync(peerImage, { force: true })
      mkdirSync(unpacked)
      execFileSync('tar', ['-C', unpacked, '-xf', archive])
      execFileSync('mkfs.erofs', ['--quiet', peerImage, unpacked])
    })
    const peerSize = statSync(peerImage).size

    const rows = [
      await measure('fromDirectory', dir, image.fromDirectory(directory), peer, peerSize),
      await measure('fromTar', dir, image.fromTar(archive), peerOfArchive, peerSize),
      await measure('fromTar, gzip', dir, image.fromTar(`${archive}.gz`), peerOfArchive, peerSize),
      await measure('fromTar, zstd', dir, image.fromTar(`${archive}.zst`), peerOfArchive, peerSize),
    ]
    console.table(rows)
    process.stdout.write(`${JSON.stringify({ bench: 'image', bytes: statSync(archive).size, rows })}\n`)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

interface Row {
  readonly source: string
  readonly seconds: number
  readonly peerSeconds: number
  readonly timeRatio: number
  readonly sizeRatio: number
  /** The same again, found in the cache. */
  readonly cachedMilliseconds: number
}

async function measure(
  name: string,
  dir: string,
  root: RootImage,
  peer: number,
  peerSize: number,
): Promise<Row> {
  const cacheDir = join(dir, 'cache')
  let seconds = Number.POSITIVE_INFINITY
  let size = 0
  for (let i = 0; i < ROUNDS; i++) {
    rmSync(cacheDir, { recursive: true, force: true })
    const start = performance.now()
    size = (await root.prepare({ cacheDir })).size
    seconds = Math.min(seconds, (performance.now() - start) / 1000)
  }
  const start = performance.now()
  await root.prepare({ cacheDir })
  const cachedMilliseconds = round(performance.now() - start, 1)
  return {
    source: name,
    seconds: round(seconds, 2),
    peerSeconds: round(peer, 2),
    timeRatio: round(seconds / peer, 2),
    sizeRatio: round(size / peerSize, 3),
    cachedMilliseconds,
  }
}

function best(run: () => void): number {
  let seconds = Number.POSITIVE_INFINITY
  for (let i = 0; i < ROUNDS; i++) {
    const start = performance.now()
    run()
    seconds = Math.min(seconds, (performance.now() - start) / 1000)
  }
  return seconds
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
