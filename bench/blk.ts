// What virtio-blk adds to reading a file: requests of the mock driver against plain `readSync` of the same places.
//
//   node build/bench/blk.js [REQUESTS]          prints a table, and one line of JSON
//
// A file of 64 MiB in the page cache, read at random places. Rates are for each second of CPU time of this process;
// the driver's side is in it. `segments` is what Linux makes of a request for pages that are not neighbours.

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileBlockBackend } from '../src/platform/index.ts'
import { BlkDevice } from '../src/virtio/index.ts'
import { MockDriver, type Segment } from '../test/virtio/mock-driver.ts'

const REQUESTS = Number(process.argv[2] ?? 50_000)
const FILE_BYTES = 64 * 2 ** 20
const HEADER_BYTES = 16

const directory = mkdtempSync(join(tmpdir(), 'inlinux-bench-'))
const path = join(directory, 'disk')
writeFileSync(path, new Uint8Array(FILE_BYTES).fill(7))

/** @returns requests for each second of CPU time */
async function throughDevice(bytes: number, segments: number, batch: number): Promise<number> {
  const backend = new FileBlockBackend(path)
  const driver = new MockDriver(new BlkDevice({ backend }), { memoryBytes: 64 << 20 })
  const [queue] = driver.start()
  const slots = Array.from({ length: batch }, () => {
    const header = driver.room(HEADER_BYTES)
    // A gap behind each piece keeps them apart.
    const data: Segment[] = Array.from({ length: segments }, () => {
      const { address } = driver.room(bytes / segments + 64)
      return { address, length: bytes / segments }
    })
    return { header, take: [...data, driver.room(1)] }
  })
  const view = new DataView(driver.ram.buffer, driver.ram.byteOffset)
  const cpu = process.cpuUsage()
  for (let done = 0; done < REQUESTS; done += batch) {
    for (const [i, { header, take }] of slots.entries()) {
      view.setUint32(header.address + 8, place(done + i, bytes) / 512, true)
      queue!.addIndirect([header], take)
    }
    queue!.kick()
    // A batch that took too long is finished in a later turn.
    for (let used = 0; used < batch; ) {
      if (queue!.popUsed() !== undefined) used++
      else await new Promise(setImmediate)
    }
  }
  const rate = perCpuSecond(cpu)
  backend.close()
  return rate
}

function plainReads(bytes: number): number {
  const fd = openSync(path, 'r')
  const buffer = new Uint8Array(bytes)
  const cpu = process.cpuUsage()
  for (let i = 0; i < REQUESTS; i++) readSync(fd, buffer, 0, bytes, place(i, bytes))
  const rate = perCpuSecond(cpu)
  closeSync(fd)
  return rate
}

/** Scattered, whole sectors, the same for both. */
function place(i: number, bytes: number): number {
  return (((i * 7919) % ((FILE_BYTES - bytes) / 4096)) | 0) * 4096
}

function perCpuSecond(cpu: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(cpu)
  return REQUESTS / ((user + system) / 1e6)
}

const rows = [
  { what: '4 KiB, one at a time', bytes: 4096, segments: 1, batch: 1 },
  { what: '4 KiB, 16 in a batch', bytes: 4096, segments: 1, batch: 16 },
  { what: '128 KiB in 32 segments', bytes: 131_072, segments: 32, batch: 4 },
]
plainReads(4096)
const results: { what: string; requests: number; plain: number; ratio: string }[] = []
for (const { what, bytes, segments, batch } of rows) {
  const device = await throughDevice(bytes, segments, batch)
  const plain = plainReads(bytes)
  results.push({
    what,
    requests: Math.round(device),
    plain: Math.round(plain),
    ratio: (device / plain).toFixed(2),
  })
}
rmSync(directory, { recursive: true })
console.table(results)
console.log(
  JSON.stringify({
    bench: 'blk',
    unit: 'requests per CPU second',
    node: process.version,
    requests: REQUESTS,
    results,
  }),
)
