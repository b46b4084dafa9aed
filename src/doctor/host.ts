// What the host offers: Node's version, and the features of JavaScript and WebAssembly that a machine is built on.

import os from 'node:os'
import type { Feature, HostFacts, Problem } from './report.ts'

const OLDEST_NODE = [20, 19] as const

export function hostFacts(): HostFacts {
  return {
    node: process.version,
    v8: process.versions.v8,
    platform: process.platform,
    arch: process.arch,
    osRelease: os.release(),
    cpuModel: os.cpus()[0]?.model.trim() ?? 'unknown',
    cpus: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    freeMemoryBytes: os.freemem(),
  }
}

export function nodeProblem(version: string = process.versions.node): Problem | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return undefined
  const wanted = OLDEST_NODE.join('.')
  return { message: `Node ${version} is too old`, fix: `Use Node ${wanted} or newer.` }
}

export function features(): Feature[] {
  return [
    {
      name: 'SharedArrayBuffer',
      available: typeof SharedArrayBuffer === 'function',
      neededFor: 'guest memory that two threads see',
    },
    {
      name: 'Atomics.waitAsync',
      available: typeof (Atomics as { waitAsync?: unknown }).waitAsync === 'function',
      neededFor: 'devices that wait without holding up the program',
    },
    { name: 'WebAssembly threads', available: hasSharedMemory(), neededFor: 'the software CPU' },
    { name: 'WebAssembly SIMD', available: WebAssembly.validate(SIMD_MODULE), neededFor: 'the software CPU' },
  ]
}

function hasSharedMemory(): boolean {
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
    return memory.buffer instanceof SharedArrayBuffer && WebAssembly.validate(ATOMIC_MODULE)
  } catch {
    return false
  }
}

const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
/** One function of type () → () with this body, over an imported shared memory. */
function moduleWith(body: readonly number[]): Uint8Array<ArrayBuffer> {
  const memory = [0x02, 9, 1, 1, 0x6d, 1, 0x6d, 0x02, 0x03, 1, 1] // import "m" "m" (memory 1 1 shared)
  return new Uint8Array([
    ...HEADER,
    ...[0x01, 4, 1, 0x60, 0, 0], // type 0: () → ()
    ...memory,
    ...[0x03, 2, 1, 0], // function 0 has type 0
    ...[0x0a, body.length + 4, 1, body.length + 2, 0, ...body, 0x0b],
  ])
}

/** i32.const 0, i32.atomic.load, drop */
const ATOMIC_MODULE = moduleWith([0x41, 0, 0xfe, 0x10, 2, 0, 0x1a])
/** i32.const 0, i8x16.splat, drop */
const SIMD_MODULE = moduleWith([0x41, 0, 0xfd, 0x0f, 0x1a])
