// Choosing an image and distrusting it: refs, platforms, configurations, damaged and dishonest layouts.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type ImageConfig, image } from '../../src/image/index.ts'
import { readErofs } from './erofs-reader.ts'
import { dockerArchive, type ImageSpec, Layout } from './oci-build.ts'
import { tar } from './tar-build.ts'
import { fsck, run, temporaryDirectory } from './tools.ts'

const dir = temporaryDirectory()
const cacheDir = join(dir, 'cache')
const newLayout = (): Layout => new Layout(mkdtempSync(join(dir, 'layout-')))
const simple = (name: string, more: Partial<ImageSpec> = {}): ImageSpec => ({
  layers: [[{ name, data: `this is ${name}` }]],
  ...more,
})
const INVALID = { name: 'VmError', code: 'ERR_INLINUX_IMAGE_INVALID' }
const ARGUMENT = { name: 'VmError', code: 'ERR_INLINUX_INVALID_ARGUMENT' }
const UNSUPPORTED = { name: 'VmError', code: 'ERR_INLINUX_IMAGE_UNSUPPORTED' }

async function namesIn(
  layout: Layout,
  options: Parameters<typeof image.fromOciLayout>[1] = {},
): Promise<string[]> {
  const { path } = await image.fromOciLayout(layout.dir, options).prepare({ cacheDir })
  return [...readErofs(path).keys()].sort()
}

describe('the choice of an image', () => {
  test('by ref, and the only one without a ref', async () => {
    const layout = newLayout()
    const [one, two] = [
      layout.image(simple('one', { ref: 'v1' })),
      layout.image(simple('two', { ref: 'v2' })),
    ]
    layout.index(one, two)
    assert.deepEqual(await namesIn(layout, { ref: 'v2' }), ['.', 'two'])
    await assert.rejects(namesIn(layout), { ...ARGUMENT, message: /v1, v2/ })
    await assert.rejects(namesIn(layout, { ref: 'v3' }), { ...ARGUMENT, message: /v1, v2/ })
    layout.index(one)
    assert.deepEqual(await namesIn(layout), ['.', 'one'])
  })

  test('by platform, in a nested index, with an attestation beside it', async () => {
    const layout = newLayout()
    const amd = layout.image(simple('amd'))
    const arm = layout.image(simple('arm', { architecture: 'arm64' }))
    const attestation = layout.image(simple('attestation', { os: 'unknown', architecture: 'unknown' }))
    layout.index(layout.nestedIndex('all', attestation, arm, amd))
    assert.deepEqual(await namesIn(layout), ['.', 'amd'])
    assert.deepEqual(await namesIn(layout, { platform: 'linux/arm64' }), ['.', 'arm'])
    await assert.rejects(namesIn(layout, { platform: 'linux/riscv64' }), {
      ...UNSUPPORTED,
      message: /linux\/arm64, linux\/amd64/,
    })
  })

  test('by the configuration, when the index is silent about the platform', async () => {
    const layout = newLayout()
    layout.index(layout.image(simple('arm', { architecture: 'arm64', hidesPlatform: true })))
    await assert.rejects(namesIn(layout), UNSUPPORTED)
  })

  test('an index that lies about the platform is found out', async () => {
    const layout = newLayout()
    const arm = layout.image(simple('arm', { architecture: 'arm64' }))
    layout.index({ ...arm, platform: { os: 'linux', architecture: 'amd64' } })
    await assert.rejects(namesIn(layout), UNSUPPORTED)
  })

  test("Docker's media types", async () => {
    const layout = newLayout()
    layout.index(layout.image(simple('docker', { isDocker: true })))
    assert.deepEqual(await namesIn(layout), ['.', 'docker'])
  })

  test('layers that are plain and zstd', async () => {
    const zstd = (bytes: Buffer): Buffer => {
      const path = join(dir, `${randomBytes(6).toString('hex')}.tar`)
      writeFileSync(path, bytes)
      run('zstd', ['-q', path])
      return readFileSync(`${path}.zst`)
    }
    const plain = newLayout()
    const type = 'application/vnd.oci.image.layer.v1.tar'
    plain.index(plain.image(simple('plain', { compress: (bytes) => bytes, mediaType: type })))
    assert.deepEqual(await namesIn(plain), ['.', 'plain'])
    const packed = newLayout()
    packed.index(packed.image(simple('zstd', { compress: zstd, mediaType: `${type}+zstd` })))
    assert.deepEqual(await namesIn(packed), ['.', 'zstd'])
  })

  test('what is no container image is named', async () => {
    const layout = newLayout()
    layout.index(layout.image(simple('x', { mediaType: 'application/vnd.oci.image.layer.v1.tar+encrypted' })))
    await assert.rejects(namesIn(layout), { ...UNSUPPORTED, message: /encrypted/ })
    const chart = layout.blob({}, 'application/vnd.cncf.helm.config.v1+json')
    const manifest = layout.blob(
      { schemaVersion: 2, config: chart, layers: [] },
      'application/vnd.oci.image.manifest.v1+json',
    )
    layout.index({ ...manifest, platform: { os: 'linux', architecture: 'amd64' } })
    await assert.rejects(namesIn(layout), { ...UNSUPPORTED, message: /helm/ })
  })
})

describe('the configuration', () => {
  test('Env, WorkingDir, User, Entrypoint and Cmd are handed on, also from the cache', async () => {
    const config = {
      Env: ['PATH=/usr/bin:/bin', 'EMPTY=', 'EQUALS=a=b', 'BARE'],
      WorkingDir: '/srv',
      User: '1000:1000',
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: ['echo hello'],
    }
    const expected: ImageConfig = {
      env: { PATH: '/usr/bin:/bin', EMPTY: '', EQUALS: 'a=b', BARE: '' },
      workingDir: '/srv',
      user: '1000:1000',
      entrypoint: ['/bin/sh', '-c'],
      cmd: ['echo hello'],
    }
    const layout = newLayout()
    layout.index(layout.image(simple('configured', { config })))
    const root = image.fromOciLayout(layout.dir)
    assert.deepEqual((await root.prepare({ cacheDir })).config, expected)
    assert.deepEqual((await root.prepare({ cacheDir })).config, expected)
  })

  test('null and missing fields are nothing', async () => {
    const layout = newLayout()
    layout.index(
      layout.image(simple('bare', { config: { Env: null, Entrypoint: null, Cmd: null, User: '' } })),
    )
    assert.deepEqual((await image.fromOciLayout(layout.dir).prepare({ cacheDir })).config, { env: {} })
  })
})

describe('layouts that are refused', () => {
  test('a layer with one bit changed', async () => {
    const layout = newLayout()
    const manifest = layout.image(simple('changed', { compress: (bytes) => bytes }))
    const layer = layerOf(layout, manifest.digest)
    const bytes = readFileSync(layout.blobPath(layer))
    bytes[600]! ^= 1
    writeFileSync(layout.blobPath(layer), bytes)
    layout.index(manifest)
    await assert.rejects(namesIn(layout), { ...INVALID, message: /damaged/ })
  })

  test('a layer that is shorter, or longer, than its descriptor says', async () => {
    for (const change of [
      (bytes: Buffer) => bytes.subarray(0, -1),
      (bytes: Buffer) => Buffer.concat([bytes, bytes]),
    ]) {
      const layout = newLayout()
      const manifest = layout.image(simple('sized'))
      const path = layout.blobPath(layerOf(layout, manifest.digest))
      writeFileSync(path, change(readFileSync(path)))
      layout.index(manifest)
      await assert.rejects(namesIn(layout), INVALID)
    }
  })

  test('a layer with bytes hidden after its gzip data', async () => {
    const layout = newLayout()
    const compress = (bytes: Buffer): Buffer =>
      Buffer.concat([gzipSync(bytes), Buffer.alloc(5_000_000, 'hidden')])
    layout.index(layout.image(simple('hidden', { compress })))
    await assert.rejects(namesIn(layout), INVALID)
  })

  test('a layer whose content is not what the configuration vouches for', async () => {
    const layout = newLayout()
    layout.index(
      layout.image(simple('vouched', { compress: () => gzipSync(tar({ name: 'other', data: 'x' })) })),
    )
    await assert.rejects(namesIn(layout), { ...INVALID, message: /configuration says/ })
  })

  test('a manifest that was exchanged', async () => {
    const layout = newLayout()
    const [good, evil] = [layout.image(simple('good')), layout.image(simple('evil'))]
    renameSync(layout.blobPath(evil.digest), layout.blobPath(good.digest))
    layout.index(good)
    await assert.rejects(namesIn(layout), INVALID)
  })

  test('a blob that is a symlink', async () => {
    const layout = newLayout()
    const manifest = layout.image(simple('linked'))
    const path = layout.blobPath(layerOf(layout, manifest.digest))
    renameSync(path, `${path}.moved`)
    symlinkSync(`${path}.moved`, path)
    layout.index(manifest)
    await assert.rejects(namesIn(layout), INVALID)
  })

  test('a digest that is a path', async () => {
    const layout = newLayout()
    layout.index({ ...layout.image(simple('x')), digest: 'sha256:../../../../etc/passwd' })
    await assert.rejects(namesIn(layout), { ...INVALID, message: /digest/ })
  })

  test('an index that is no JSON, or has another shape', async () => {
    const layout = newLayout()
    for (const text of ['{', '[]', '{"manifests":[{"digest":1}]}', 'null']) {
      writeFileSync(join(layout.dir, 'index.json'), text)
      await assert.rejects(namesIn(layout), INVALID)
    }
  })

  test('indexes in indexes without end', async () => {
    const layout = newLayout()
    let descriptor = layout.image(simple('deep'))
    for (let i = 0; i < 10; i++) descriptor = layout.nestedIndex('deep', descriptor)
    layout.index(descriptor)
    await assert.rejects(namesIn(layout), { code: 'ERR_INLINUX_IMAGE_TOO_LARGE' })
  })

  test('a whiteout that names its own directory', async () => {
    for (const name of ['a/.wh...', 'a/.wh..', 'a/.wh.']) {
      const layout = newLayout()
      layout.index(layout.image({ layers: [[{ name: 'a/b', data: 'x' }], [{ name, data: '' }]] }))
      await assert.rejects(namesIn(layout), { code: 'ERR_INLINUX_IMAGE_UNSAFE' })
    }
  })

  test('a parent that is a symlink above the root', async () => {
    const layout = newLayout()
    layout.index(
      layout.image({
        layers: [[{ name: 'up', type: '2', linkname: '../../..' }], [{ name: 'up/x', data: 'x' }]],
      }),
    )
    await assert.rejects(namesIn(layout), { code: 'ERR_INLINUX_IMAGE_UNSAFE' })
  })
})

describe('archives of docker save', () => {
  const layers = [
    [
      { name: 'one', data: '1' },
      { name: 'gone', data: 'x' },
    ],
    [{ name: '.wh.gone', data: '' }],
    [
      { name: 'one', data: '1' },
      { name: 'gone', data: 'x' },
    ],
  ]
  const write = (bytes: Buffer): string => {
    const path = join(dir, `${randomBytes(6).toString('hex')}.tar`)
    writeFileSync(path, bytes)
    return path
  }

  test('plain and gzipped, with equal layers as symlinks', async () => {
    const archive = dockerArchive({ layers, config: { Cmd: ['/one'] } }, ['app:latest'], true)
    const digests = new Set<string>()
    for (const bytes of [archive, gzipSync(archive)]) {
      const prepared = await image.fromDockerArchive(write(bytes), { tag: 'app' }).prepare({ cacheDir })
      fsck(prepared.path)
      assert.deepEqual([...readErofs(prepared.path).keys()].sort(), ['.', 'gone', 'one'])
      assert.deepEqual(prepared.config.cmd, ['/one'])
      digests.add(prepared.digest)
    }
    assert.equal(digests.size, 1)
  })

  test('an unknown tag and another platform', async () => {
    const path = write(dockerArchive({ layers, architecture: 'arm64' }, ['app:latest']))
    await assert.rejects(image.fromDockerArchive(path, { tag: 'other' }).prepare({ cacheDir }), ARGUMENT)
    await assert.rejects(image.fromDockerArchive(path).prepare({ cacheDir }), UNSUPPORTED)
  })

  test('a tag, however it is written', async () => {
    const path = write(dockerArchive({ layers }, ['docker.io/library/app:1', 'host:5000/team/tool:latest']))
    for (const tag of ['app:1', 'docker.io/library/app:1', 'host:5000/team/tool']) {
      await image.fromDockerArchive(path, { tag }).prepare({ cacheDir })
    }
    await assert.rejects(image.fromDockerArchive(path, { tag: 'app' }).prepare({ cacheDir }), ARGUMENT)
  })

  test('an OCI layout in a tar', async () => {
    const layout = newLayout()
    layout.index(layout.image(simple('packed')))
    const path = join(dir, 'oci.tar')
    run('tar', ['-C', layout.dir, '-cf', path, '.'])
    const { path: made } = await image.fromDockerArchive(path).prepare({ cacheDir })
    assert.deepEqual([...readErofs(made).keys()].sort(), ['.', 'packed'])
  })

  test('a layer that is a symlink out of the archive', async () => {
    const archive = tar(
      { name: 'layer.tar', type: '2', linkname: '../../../../etc/passwd' },
      { name: 'config.json', data: JSON.stringify({ rootfs: { diff_ids: [`sha256:${'0'.repeat(64)}`] } }) },
      { name: 'manifest.json', data: JSON.stringify([{ Config: 'config.json', Layers: ['layer.tar'] }]) },
    )
    await assert.rejects(image.fromDockerArchive(write(archive)).prepare({ cacheDir }), {
      ...INVALID,
      message: /missing/,
    })
  })
})

describe('space', () => {
  test('data of files that later layers replaced does not stay in the image', async () => {
    const layout = newLayout()
    const big = (seed: string) => [
      { name: 'big', data: Buffer.alloc(4_000_000, seed) },
      { name: 'keep', data: 'kept' },
    ]
    layout.index(layout.image({ layers: [big('a'), big('b'), big('c')] }))
    const { path, size } = await image.fromOciLayout(layout.dir).prepare({ cacheDir })
    fsck(path)
    assert.ok(size < 4_100_000, `${size} bytes`)
    assert.equal(statSync(path).size, size)
    assert.equal(readErofs(path).get('big')!.sha256, sha256Of(Buffer.alloc(4_000_000, 'c')))
    assert.equal(readErofs(path).get('keep')!.size, 4)
  })
})

function layerOf(layout: Layout, manifest: string): string {
  return JSON.parse(readFileSync(layout.blobPath(manifest), 'utf8')).layers[0].digest
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
