// biome-ignore-all lint: this is what the guest has to run, not how we write
// Node's own modules: WebAssembly, worker threads, child processes, crypto, zlib, streams, files, HTTP, timers, Atomics.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import crypto from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import zlib from 'node:zlib'

if (!isMainThread) {
  const words = new Int32Array(workerData)
  for (let i = 0; i < 3000; i++) Atomics.add(words, 0, 1)
  Atomics.add(words, 1, 1)
  Atomics.notify(words, 1)
  parentPort.postMessage('done')
} else {
  const out = (...v) => console.log(...v)
  const hex = (b) => crypto.createHash('sha1').update(b).digest('hex')
  const section = (id, ...bytes) => [id, bytes.length, ...bytes]
  const body = (...bytes) => [bytes.length, ...bytes]
  const get = (n) => [0x20, n]
  const sum = [
    0x03,
    0x40,
    ...get(1),
    ...get(1),
    0x6c,
    ...get(2),
    0x6a,
    0x21,
    2,
    ...get(1),
    0x41,
    4,
    0x6c,
    ...get(2),
    0x36,
    2,
    0,
    ...get(1),
    0x41,
    1,
    0x6a,
    0x22,
    1,
    ...get(0),
    0x48,
    0x0d,
    0,
    0x0b,
    ...get(2),
    0x0b,
  ]
  const module = Uint8Array.from([
    0,
    97,
    115,
    109,
    1,
    0,
    0,
    0,
    ...section(1, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7c, 0x7c, 1, 0x7c),
    ...section(3, 2, 0, 1),
    ...section(5, 1, 0, 1),
    ...section(7, 3, 1, 102, 0, 0, 1, 103, 0, 1, 1, 109, 2, 0),
    ...section(
      10,
      2,
      ...body(1, 2, 0x7f, ...sum),
      ...body(
        0,
        ...get(0),
        ...get(1),
        0xa3,
        0x9f,
        ...get(0),
        ...get(1),
        0xa2,
        0xa0,
        ...get(0),
        0x9c,
        0xa1,
        0x0b,
      ),
    ),
  ])
  const { f, g, m } = (await WebAssembly.instantiate(module)).instance.exports
  let total = 0
  for (let i = 1; i < 300; i++) total = (total * 31 + f(i)) | 0
  out('wasm', total, g(2.5, 3.5), hex(new Uint8Array(m.buffer, 0, 1200)))
  const shared = new SharedArrayBuffer(8)
  const workers = [1, 2, 3].map(() => new Worker(new URL(import.meta.url), { workerData: shared }))
  await Promise.all(workers.map((w) => once(w, 'exit')))
  out('workers', [...new Int32Array(shared)])
  out(execFileSync('sh', ['-c', 'echo $0 $((6*7)); cat'], { input: 'from node' }).toString())
  const r = spawnSync('sh', ['-c', 'kill -TERM $$'])
  out(r.status, r.signal)
  const child = spawn('sort', ['-n'])
  child.stdin.end('3\n1\n2\n')
  let sorted = ''
  for await (const c of child.stdout) sorted += c
  out(sorted.split('\n'))
  out(spawnSync('/nonexistent').error.code)
  const data = Buffer.from(Array.from({ length: 20000 }, (_, i) => (i * i) >> 3))
  for (const n of ['md5', 'sha1', 'sha256', 'sha512', 'sha3-256', 'blake2b512', 'ripemd160'])
    out(n, crypto.createHash(n).update(data).digest('hex'))
  const key = Buffer.alloc(32, 7),
    iv = Buffer.alloc(16, 9)
  for (const n of ['aes-256-cbc', 'aes-256-ctr', 'aes-256-gcm', 'chacha20-poly1305']) {
    const c = crypto.createCipheriv(
      n,
      key,
      n.endsWith('gcm') || n.startsWith('cha') ? iv.subarray(0, 12) : iv,
      { authTagLength: 16 },
    )
    const e = Buffer.concat([c.update(data), c.final()])
    out(n, hex(e), n.endsWith('gcm') || n.startsWith('cha') ? c.getAuthTag().toString('hex') : '')
  }
  out(
    crypto.createHmac('sha256', key).update(data).digest('base64'),
    crypto.pbkdf2Sync('p', 's', 100, 20, 'sha512').toString('hex'),
    crypto.scryptSync('p', 's', 16, { N: 64 }).toString('hex'),
    crypto.hkdfSync('sha256', key, iv, 'i', 12).byteLength,
  )
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519')
  const sig = crypto.sign(null, data, privateKey)
  out(
    'ed25519',
    crypto.verify(null, data, publicKey, sig),
    crypto.verify(null, data.subarray(1), publicKey, sig),
  )
  const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
  out('ecdsa', crypto.verify('sha256', data, ec.publicKey, crypto.sign('sha256', data, ec.privateKey)))
  const dh = [1, 2].map(() => crypto.createECDH('secp256k1'))
  dh.forEach((d) => d.generateKeys())
  out('ecdh', dh[0].computeSecret(dh[1].getPublicKey()).equals(dh[1].computeSecret(dh[0].getPublicKey())))
  out(crypto.randomBytes(16).length, crypto.randomUUID().length)
  for (const [n, z] of [
    ['gzip', zlib.gzipSync(data)],
    ['deflateRaw9', zlib.deflateRawSync(data, { level: 9 })],
    ['brotli', zlib.brotliCompressSync(data, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } })],
  ])
    out(n, z.length, hex(z))
  out(
    zlib.brotliDecompressSync(zlib.brotliCompressSync(data)).equals(data),
    zlib.gunzipSync(zlib.gzipSync(data)).equals(data),
  )
  fs.writeFileSync('f.txt', data)
  fs.appendFileSync('f.txt', 'tail')
  out(fs.statSync('f.txt').size, hex(fs.readFileSync('f.txt')))
  await pipeline(
    fs.createReadStream('f.txt', { highWaterMark: 777 }),
    zlib.createGzip(),
    zlib.createGunzip(),
    new Transform({
      transform(c, _, d) {
        d(
          null,
          c.map((b) => b ^ 1),
        )
      },
    }),
    fs.createWriteStream('g.txt'),
  )
  out(hex(fs.readFileSync('g.txt')))
  fs.mkdirSync('d/e', { recursive: true })
  fs.symlinkSync('../f.txt', 'd/l')
  out(
    fs.readdirSync('d', { withFileTypes: true }).map((e) => [e.name, e.isSymbolicLink()]),
    fs.readlinkSync('d/l'),
  )
  try {
    fs.readFileSync('none')
  } catch (e) {
    out(e.code, e.errno)
  }
  const server = http
    .createServer((q, s) => {
      let n = 0
      q.on('data', (c) => (n += c.length)).on('end', () => s.writeHead(201, { 'x-n': n }).end(`got ${n}`))
    })
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
  const answers = await Promise.all(
    [1, 2, 3, 4].map((n) => fetchLike(server.address().port, Buffer.alloc(n * 30000))),
  )
  out(answers)
  server.close()
  server.closeAllConnections?.()
  function fetchLike(port, body) {
    return new Promise((yes, no) =>
      http
        .request({ port, host: '127.0.0.1', method: 'POST' }, async (a) => {
          let t = ''
          for await (const c of a) t += c
          yes([a.statusCode, a.headers['x-n'], t])
        })
        .on('error', no)
        .end(body),
    )
  }
  const path = '/tmp/node.sock'
  const echo = net.createServer((c) => c.pipe(c)).listen(path)
  await once(echo, 'listening')
  const c = net.connect(path)
  c.end('unix')
  let back = ''
  for await (const d of c) back += d
  out(back)
  echo.close()
  const order = []
  await new Promise((done) => {
    setTimeout(() => {
      order.push('timeout')
      done()
    }, 20)
    setImmediate(() => order.push('immediate'))
    process.nextTick(() => order.push('tick'))
    queueMicrotask(() => order.push('micro'))
  })
  out(order)
  const t0 = performance.now()
  await new Promise((r) => setTimeout(r, 50))
  out(performance.now() - t0 >= 49, Math.abs(Date.now() - fs.statSync('g.txt').mtimeMs) < 60000)
  process.on('SIGUSR2', () => {
    out('SIGUSR2')
    process.exit(0)
  })
  process.kill(process.pid, 'SIGUSR2')
  setTimeout(() => {}, 5000)
  assert.ok(Readable)
}
