// A request may name a block that has been forgotten, with all others, and written over: what the translator reads there is
// nonsense, of any size. An hour's soak found it: a count of millions of operations filled the thread's heap.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BLOCK_HASH } from '../../../../src/engine/soft/translator/addresses.ts'
import { Translator } from '../../../../src/engine/soft/translator/translator.ts'

const ARENA = 0x40_0000
const PHYSICAL = 0x5000
const request = { rip: 0x40_0000n, user: true, promote: false }

function translatorOver(write: (view: DataView) => void): Translator {
  const { buffer } = new WebAssembly.Memory({ initial: 0x920, maximum: 0x920, shared: true })
  write(new DataView(buffer))
  return new Translator(buffer, { handlerNumbers: 0x1_0000, firstFunction: 1 }, {})
}

test('a count of operations that no block has', () => {
  const translator = translatorOver((view) => {
    view.setUint32(BLOCK_HASH + PHYSICAL * 4, ARENA, true)
    view.setUint32(ARENA, PHYSICAL, true)
    view.setUint32(ARENA + 4, 0x7fff_ffff, true)
  })
  assert.equal(translator.translate([{ ...request, block: ARENA }]), undefined)
})

test('a block that is not the one at its address', () => {
  const translator = translatorOver((view) => {
    view.setUint32(ARENA, PHYSICAL, true)
    view.setUint32(ARENA + 4, 3, true)
  })
  assert.equal(translator.translate([{ ...request, block: ARENA }]), undefined)
})

test('a list of blocks that leads out of memory, or round in circles', () => {
  for (const next of [0xffff_fff0, ARENA]) {
    const translator = translatorOver((view) => {
      view.setUint32(BLOCK_HASH + PHYSICAL * 4, next, true)
      view.setUint32(ARENA + 24, ARENA, true)
      view.setUint32(ARENA + 64, PHYSICAL, true)
    })
    assert.equal(translator.translate([{ ...request, block: ARENA + 64 }]), undefined)
    assert.equal(translator.translate([{ ...request, block: PHYSICAL, promote: true }]), undefined)
  }
})
