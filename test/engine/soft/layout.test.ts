// The numbers that the host's side shares with the core stand twice, for AssemblyScript and TypeScript cannot import from
// each other: here they are read from the core's sources and compared. And nothing in the memory's map overlaps.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as layout from '../../../src/engine/soft/layout.ts'
import * as addresses from '../../../src/engine/soft/translator/addresses.ts'
import * as operations from '../../../src/engine/soft/translator/operations.ts'

type Constants = ReadonlyMap<string, bigint>

/** Constants of a source of the core whose values are numbers, other constants, and sums, products and shifts of them. */
function constantsOf(file: string, known: Constants = new Map()): Constants {
  const source = new URL(`../../../../src/engine/soft/core/${file}.ts`, import.meta.url)
  const constants = new Map(known)
  for (const line of readFileSync(fileURLToPath(source), 'utf8').split('\n')) {
    const match = /^(?:export )?const (\w+): \w+ = ([^/]+)/.exec(line)
    const value = match && evaluate(match[2]!, constants)
    if (value !== undefined && value !== null) constants.set(match![1]!, value)
  }
  return constants
}

/** @returns undefined for anything else */
function evaluate(text: string, constants: Constants): bigint | undefined {
  const [sum, ...rest] = text.trim().split(/\s+\+\s+/)
  if (rest.length > 0) {
    const parts = [sum!, ...rest].map((part) => evaluate(part, constants))
    return parts.some((part) => part === undefined) ? undefined : parts.reduce((a, b) => a! + b!, 0n)
  }
  if (/^(0x[0-9a-f]+|\d+)$/i.test(sum!)) return BigInt(sum!)
  return constants.get(sum!)
}

const map = constantsOf('layout')
const state = constantsOf('state', map)
const mmu = constantsOf('mmu', map)
const regions = constantsOf('regions', map)
const blocks = constantsOf('blocks', map)
const chains = constantsOf('chains', map)
const run = constantsOf('run', map)
const operation = constantsOf('operation', state)

function assertEqual(ours: object, theirs: Constants, but: readonly string[] = []): number {
  let compared = 0
  for (const [name, value] of Object.entries(ours)) {
    if (typeof value !== 'number' || but.includes(name)) continue
    assert.equal(theirs.get(name), BigInt(value), name)
    compared++
  }
  return compared
}

describe('numbers that stand twice', () => {
  test('engine/soft/layout.ts has those of core/layout.ts', () => {
    assert.ok(assertEqual(layout, map, ['WINDOW_SIZE']) >= 6)
  })

  test('translator/addresses.ts has those of the core', () => {
    const all = new Map([...mmu, ...blocks, ...run, ...regions, ...chains, ...state])
    // In the map's drawing alone, or of the translator alone.
    const own = ['BLOCK_HASH_MASK', 'TLB_INDEX', 'CALLED']
    const drawn = Object.keys(addresses).filter(
      (name) => name.startsWith('REGION_') && name !== 'REGION_STATISTICS',
    )
    assert.ok(assertEqual(addresses, all, [...own, ...drawn]) >= 25)
    assert.equal(BigInt(addresses.BLOCK_HASH_MASK), blocks.get('HASH_ENTRIES')! - 1n)
    assert.equal(BigInt(addresses.TLB_INDEX), mmu.get('KIND_SIZE')! - 16n)
    for (const [i, kind] of (['read', 'write', 'execute'] as const).entries()) {
      assert.equal(mmu.get(kind.toUpperCase()), BigInt(i))
      for (const user of [false, true]) {
        const at = mmu.get('TLB')! + (user ? mmu.get('VIEW_SIZE')! : 0n) + BigInt(i) * mmu.get('KIND_SIZE')!
        assert.equal(BigInt(addresses.tlbOf(user, kind)), at)
      }
    }
  })

  test('translator/operations.ts has those of core/operation.ts and core/state.ts', () => {
    const all = new Map([...blocks, ...operation])
    assert.ok(assertEqual(operations, all, ['NO_REGISTER']) >= 10)
    assert.equal(BigInt(operations.NO_REGISTER), state.get('ZERO'))
  })
})

test('nothing overlaps in the memory’s map', () => {
  const pages = 0x10_0000n // 4 GiB
  const at = (name: string): bigint => map.get(name)!
  const pieces: [string, bigint, bigint][] = [
    ['scratch', at('SCRATCH'), at('SCRATCH_END')],
    ['state', at('STATE'), at('STATE') + 0x1000n],
    ['APIC', at('APIC'), at('APIC') + 0x1000n],
    ['constant tables', 0x1_0000n, at('MAILBOX')],
    ['mailbox', at('MAILBOX'), at('MAILBOX') + 0x800n],
    ['windows', at('WINDOWS'), at('WINDOWS') + at('WINDOW_COUNT') * 0x1000n],
    ['TLBs', at('TLB'), at('TLB') + 2n * mmu.get('VIEW_SIZE')!],
    ['TLB entries to flush', mmu.get('LIST')!, mmu.get('LIST')! + (2n * mmu.get('VIEW_SIZE')!) / 4n],
    ['large pages', mmu.get('LARGE_BITS')!, mmu.get('LARGE_BITS')! + 512n],
    ['block hash', at('BLOCK_HASH'), at('BLOCK_HASH') + blocks.get('HASH_ENTRIES')! * 4n],
    ['requests', at('REQUESTS'), at('REQUESTS') + 16n + (regions.get('REQUEST_LIMIT')! + 1n) * 16n],
    ['block cache', at('BLOCK_CACHE'), at('BLOCK_CACHE') + blocks.get('CACHE_ENTRIES')! * 8n],
    ['chains', at('CHAINS'), at('CHAINS') + 2n * chains.get('CHAINS_VIEW')!],
    ['jumps', at('JUMPS'), at('JUMPS') + 2n * regions.get('JUMPS_VIEW')!],
    ['blocks', at('ARENA'), at('ARENA_END')],
    ['region records', BigInt(addresses.REGION_RECORDS), BigInt(addresses.REGION_RECORDS_END)],
    ['regions’ operations', BigInt(addresses.REGION_OPERATIONS), BigInt(addresses.REGION_OPERATIONS_END)],
    ['pages', at('PAGES'), at('PAGES') + pages * 8n],
    ['regions of pages', at('PAGE_REGIONS'), at('PAGE_REGIONS') + pages * 4n],
    ['RAM', at('GUEST_BASE'), at('GUEST_BASE') + 1n],
  ]
  pieces.sort(([, a], [, b]) => (a < b ? -1 : 1))
  for (const [i, [name, from, to]] of pieces.entries()) {
    assert.ok(from < to, name)
    const next = pieces[i + 1]
    if (next)
      assert.ok(
        to <= next[1],
        `${name} ends at ${to.toString(16)}, ${next[0]} starts at ${next[1].toString(16)}`,
      )
  }
  assert.equal((regions.get('JUMPS_MASK')! + 1n) * 16n, regions.get('JUMPS_VIEW'))
  assert.equal((chains.get('CHAINS_MASK')! + 1n) * 32n, chains.get('CHAINS_VIEW'))
})
