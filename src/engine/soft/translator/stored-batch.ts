// A batch of regions as it is kept: the module's bytes, V8's machine code where it could be had, and of each region what
// it was made from. A file of the store (code-store.ts) is
//
//      0  8 bytes  MAGIC
//      8  u32      bytes of the index, of the regions, of the module, of the machine code
//     24  u32      number of regions
//     28  u32      CRC-32 of all the rest
//     32  index    u32 each: for every block of a region, hash of the code there, region, node
//      …  regions  u32 each, one region after the other, see `regionWords`; then module, machine code
//
// All parts are multiples of 8 bytes long but for what the module and the machine code need not fill. The checksum is there
// for files that were torn or changed by accident: who can write into the folder may do anything anyway. The index is
// read without it, from all files: what it says is a hint.

import { crc32 } from 'node:zlib'
import { BLOCK_HEADER } from './operations.ts'
import type { Region, RegionNode } from './region.ts'

const MAGIC = Buffer.from('inlinux\x02', 'latin1')
const HEADER = 32
const CHECKSUM = 28
const OP_WORDS = 8
/** Longer files are not read. */
export const FILE_LIMIT: number = 32 * 1024 ** 2

// Words of a region's header, and of each of its nodes.
const REGION_HEADER = 8
export const NODE_WORDS = 6
export const NODE = { delta: 0, bytes: 1, operations: 2, count: 3, linked: 4, entry: 5 } as const

// The core keeps in these where they led, in the operation itself.
const LINKED = new Set(['jcc', 'loop', 'loope', 'loopne', 'jrcxz', 'jmp', 'call'])

/** A region without a place. All arrays lie in shared memory, so that they may be sent without being copied. */
export interface StoredRegion {
  /** Exported by the module under this number. */
  readonly number: number
  readonly user: boolean
  readonly instructions: number
  readonly entries: number
  /** From the region's first page to each of its pages, in bytes. */
  readonly distances: Int32Array
  /** NODE_WORDS each. */
  readonly nodes: Int32Array
  /** Pairs of node and position: operations that are handed to the interpreter. */
  readonly handed: Int32Array
  /** The operations of all nodes, as the core has them. */
  readonly operations: Int32Array
}

export interface Place {
  readonly hash: number
  readonly region: number
  readonly node: number
}

/** A region that was translated here, before it is known where it will be kept. */
export interface Recipe {
  readonly words: Int32Array
  readonly places: readonly Place[]
}

export interface StoredBatch {
  readonly regions: readonly StoredRegion[]
  readonly module: Uint8Array
  /** V8's, or empty. */
  readonly machineCode: Uint8Array
}

/** What stands for code in the index: which operations the block at this offset of its page has. Only to find, never to trust. */
export function hashOf(user: boolean, offset: number, operations: Int32Array, linked: boolean): number {
  let hash = Math.imul(offset ^ (user ? 0x5bd1 : 0), 0x9e3779b1)
  const end = operations.length - (linked ? 2 : 0)
  for (let i = 0; i < end; i++) {
    hash = Math.imul(hash ^ operations[i]!, 0x85ebca6b)
    hash ^= hash >>> 13
  }
  return hash >>> 0
}

export const isLinked = (node: RegionNode): boolean =>
  LINKED.has(node.block.operations.at(-1)?.handler?.row.name ?? '')

/**
 * What must be kept of a region.
 * @param handed operations that are handed to the interpreter, in the order of their constants
 * @returns undefined when it was changed while it was read
 */
export function recipeOf(
  region: Region,
  number: number,
  handed: readonly (readonly [node: number, position: number])[],
): Recipe | undefined {
  const distances = [...region.pages.keys()]
  const { nodes, user } = region
  const places: Place[] = []
  const count = nodes.reduce((sum, { block }) => sum + block.operations.length, 0)
  const size =
    REGION_HEADER + distances.length + nodes.length * NODE_WORDS + handed.length * 2 + count * OP_WORDS
  const words = new Int32Array(size + (size & 1))
  words.set([words.length, number, user ? 1 : 0, region.instructions])
  words.set([region.entries.length, distances.length, nodes.length, handed.length], 4)
  let at = REGION_HEADER
  words.set(distances, at)
  at += distances.length
  const firstOperation = at + nodes.length * NODE_WORDS + handed.length * 2
  let operations = 0
  for (const [i, node] of nodes.entries()) {
    const { block, delta, entry } = node
    const raw = new Int32Array(block.raw!.buffer)
    const linked = isLinked(node)
    if (raw.length === 0 || block.bytes !== block.operations.at(-1)!.end || block.secondPage !== 0)
      return undefined
    words.set([delta, block.bytes, operations, block.operations.length, linked ? 1 : 0, entry], at)
    at += NODE_WORDS
    words.set(raw, firstOperation + operations * OP_WORDS)
    operations += block.operations.length
    places.push({ hash: hashOf(user, block.physical & 0xfff, raw, linked), region: number, node: i })
  }
  for (const pair of handed) {
    words.set(pair, at)
    at += 2
  }
  return { words, places }
}

/** @param recipes of the regions that are worth keeping */
export function encodeBatch(
  recipes: readonly Recipe[],
  module: Uint8Array,
  machineCode: Uint8Array,
): Uint8Array {
  const places = recipes.flatMap((recipe) => recipe.places)
  const index = new Int32Array(places.length * 3 + ((places.length * 3) & 1))
  // A place of no region ends the index when it has an odd number of words.
  index.fill(-1)
  for (const [i, { hash, region, node }] of places.entries()) index.set([hash, region, node], i * 3)
  const regions = Buffer.concat(recipes.map(({ words }) => new Uint8Array(words.buffer)))
  return assemble(new Uint8Array(index.buffer), regions, module, machineCode, recipes.length)
}

function assemble(
  index: Uint8Array,
  regions: Uint8Array,
  module: Uint8Array,
  machineCode: Uint8Array,
  count: number,
): Uint8Array {
  const parts = [index, regions, module, machineCode]
  const lengths = parts.map(({ length }) => length)
  const file = new Uint8Array(HEADER + lengths.reduce((sum, length) => sum + padded(length), 0))
  file.set(MAGIC)
  const words = new Uint32Array(file.buffer, 0, HEADER / 4)
  words.set([...lengths, count], 2)
  let at = HEADER
  for (const part of parts) {
    file.set(part, at)
    at += padded(part.length)
  }
  words[CHECKSUM / 4] = checksum(file)
  return file
}

/** How long the file's start is, index included. @returns undefined: this is no such file */
export function headLength(start: Uint8Array): number | undefined {
  if (start.length < HEADER || !MAGIC.equals(start.subarray(0, 8))) return undefined
  const [index] = headerWords(start)
  return index! % 8 === 0 && index! < FILE_LIMIT ? HEADER + index! : undefined
}

/** @returns undefined: this is no such file */
export function decodeHead(head: Uint8Array): readonly Place[] | undefined {
  const length = headLength(head)
  if (length !== head.length) return undefined
  const index = new Uint32Array(head.slice(HEADER).buffer)
  const places: Place[] = []
  for (let i = 0; i + 2 < index.length; i += 3)
    places.push({ hash: index[i]!, region: index[i + 1]!, node: index[i + 2]! })
  return places
}

/** @returns undefined when it is broken */
export function decodeBatch(file: Uint8Array): StoredBatch | undefined {
  const start = headLength(file)
  if (start === undefined || start > file.length) return undefined
  const [, regionBytes = 0, moduleBytes = 0, codeBytes = 0, count = 0] = headerWords(file)
  const module = start + regionBytes
  const code = module + padded(moduleBytes)
  if (regionBytes % 8 !== 0 || code + padded(codeBytes) !== file.length) return undefined
  if (checksum(file) !== headerWords(file)[5]) return undefined
  const words = new Int32Array(new SharedArrayBuffer(regionBytes))
  new Uint8Array(words.buffer).set(file.subarray(start, module))
  const regions: StoredRegion[] = []
  // Bounded: each turn takes at least a header.
  for (let at = 0; at < words.length; at += words[at]!) {
    const region = decodeRegion(words.subarray(at))
    if (!region) return undefined
    regions.push(region)
  }
  if (regions.length !== count) return undefined
  return {
    regions,
    module: file.subarray(module, module + moduleBytes),
    machineCode: file.subarray(code, code + codeBytes),
  }
}

/** Whatever the words are, the region that comes out can be looked through without leaving its arrays. */
function decodeRegion(words: Int32Array): StoredRegion | undefined {
  if (words.length < REGION_HEADER) return undefined
  const [length = 0, number = 0, flags = 0, instructions = 0, entries = 0] = words
  const [pages = 0, nodes = 0, handed = 0] = words.subarray(5)
  if (length < REGION_HEADER || length > words.length || length % 2 !== 0) return undefined
  for (const count of [pages, nodes, handed, entries, instructions, number])
    if (count < 0 || count > 0xffff) return undefined
  let at = REGION_HEADER
  const take = (count: number): Int32Array => {
    at += count
    return words.subarray(at - count, at)
  }
  const distances = take(pages)
  const nodeWords = take(nodes * NODE_WORDS)
  const handedWords = take(handed * 2)
  if (at > length) return undefined
  const operations = words.subarray(at, length)
  for (const distance of distances) if ((distance & 0xfff) !== 0) return undefined
  for (let i = 0; i < nodes; i++) {
    const [delta = 0, bytes = 0, first = 0, count = 0, , entry = 0] = nodeWords.subarray(i * NODE_WORDS)
    if (count < 1 || first < 0 || (first + count) * OP_WORDS > operations.length) return undefined
    if (bytes < 1 || (delta & 0xfff) + bytes > 0x1000 || entry < -1 || entry >= entries) return undefined
    if (!distances.includes(delta & ~0xfff)) return undefined
  }
  for (let i = 0; i < handed; i++) {
    const node = handedWords[i * 2]!
    const position = handedWords[i * 2 + 1]!
    if (node < 0 || node >= nodes || position < 0) return undefined
    if (position >= nodeWords[node * NODE_WORDS + NODE.count]!) return undefined
  }
  const user = (flags & 1) !== 0
  return {
    number,
    user,
    instructions,
    entries,
    distances,
    nodes: nodeWords,
    handed: handedWords,
    operations,
  }
}

/** The operations of a node. */
export function operationsOf({ nodes, operations }: StoredRegion, node: number): Int32Array {
  const first = nodes[node * NODE_WORDS + NODE.operations]! * OP_WORDS
  return operations.subarray(first, first + nodes[node * NODE_WORDS + NODE.count]! * OP_WORDS)
}

/** Is the block at this address of a machine's memory, as it is now, what the node was made from? */
export function isSameCode(region: StoredRegion, node: number, view: DataView, block: number): boolean {
  const { nodes } = region
  const at = node * NODE_WORDS
  if (view.getUint32(block + 4, true) !== nodes[at + NODE.count]) return false
  if (view.getUint32(block + 12, true) !== nodes[at + NODE.bytes] || view.getUint32(block + 16, true) !== 0)
    return false
  const stored = operationsOf(region, node)
  const here = new Int32Array(view.buffer, block + BLOCK_HEADER, stored.length)
  const last = stored.length - (nodes[at + NODE.linked] === 1 ? 2 : 0)
  for (let i = 0; i < last; i++) if (stored[i] !== here[i]) return false
  return true
}

function headerWords(file: Uint8Array): readonly number[] {
  const view = new DataView(file.buffer, file.byteOffset, HEADER)
  return [8, 12, 16, 20, 24, CHECKSUM].map((at) => view.getUint32(at, true))
}

const padded = (length: number): number => (length + 7) & ~7

const checksum = (file: Uint8Array): number => crc32(file.subarray(HEADER), crc32(file.subarray(0, CHECKSUM)))
