// Random programs whose code lives on in a machine: it runs again and again, in small pieces, in single steps, at several
// linear addresses, and is overwritten and remapped while it does. What the translating machine does must be what the
// interpreting one does, down to the number of instructions.
//
// INLINUX_CPU_SESSIONS says how many sessions, INLINUX_CPU_SEED names others than the usual ones.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ahead } from '../../../../src/engine/soft/translator/ahead.ts'
import { openStore } from '../../../../src/engine/soft/translator/code-store.ts'
import { codeView } from '../../../../src/engine/soft/translator/code-view.ts'
import type { TranslatorOptions } from '../../../../src/engine/soft/translator/index.ts'
import { makeData, Request } from '../differential/cases.ts'
import { makeProgram } from '../differential/programs.ts'
import { integer, Random } from '../differential/random.ts'
import * as R from '../differential/record.ts'
import { disassemble } from '../differential/report.ts'
import { ENDLESS, MachinePair, PART_SIZE, PARTS, WINDOWS } from './machine-pair.ts'

const SESSIONS = Number(process.env.INLINUX_CPU_SESSIONS ?? 3)
const SEED = process.env.INLINUX_CPU_SEED ?? '1'
const STEPS = 250
const LEAVE_MARGIN = 32
/** Of those that a program may use as it likes. */
const FREE = [0, 2, 5, 8, 9, 10, 11]
const RCX = 1

interface Placed {
  readonly request: Request
  readonly flags: bigint
  readonly part: number
  readonly offset: number
  readonly length: number
}

const modes: readonly [string, TranslatorOptions][] = [
  ['before the first run', { threshold: 1, atOnce: true }],
  ['before the second run', { threshold: 2, atOnce: true }],
  ['after the third run', { threshold: 3 }],
  ['with all flags', { threshold: 2, atOnce: true, exactFlags: true }],
]

for (const [name, options] of modes) {
  test(`code that changes, translated ${name}`, (t) => {
    let entered = 0n
    for (let session = 0; session < SESSIONS; session++) {
      const random = new Random(`${SEED}/code changes/${name}/${session}`)
      entered += runSession(random, options, `seed ${SEED}, session ${session}`)
    }
    t.diagnostic(`${entered} regions entered`)
    assert.ok(entered > BigInt(SESSIONS * STEPS))
  })
}

test('code that changes, from the store', (t) => {
  const store = mkdtempSync(join(tmpdir(), 'inlinux-store-'))
  t.after(() => rmSync(store, { recursive: true }))
  const options = { threshold: 1_000_000_000, early: 2, atOnce: true, store }
  let entered = 0n
  for (let session = 0; session < SESSIONS; session++) {
    const random = new Random(`${SEED}/code changes/store/${session}`)
    entered += runSession(random, options, `seed ${SEED}, session ${session}`, keepAll)
  }
  t.diagnostic(`${entered} regions entered`)
  assert.ok(entered > BigInt(SESSIONS * 50))

  /** Whatever has run is written to the store, for what runs next. */
  function keepAll(pair: MachinePair): void {
    const { memory, core } = pair.translating
    const view = codeView(memory.buffer, core.handlerNumbers())
    const ahead = new Ahead(memory.buffer, core.handlerNumbers(), openStore(store)!, 1)
    ahead.missed(pair.decodedBlocks(view))
    ahead.form()
    const file = ahead.write(1)
    if (file !== undefined) openStore(store)!.added(file)
  }
})

function runSession(
  random: Random,
  options: TranslatorOptions,
  where: string,
  between: (pair: MachinePair) => void = () => undefined,
): bigint {
  const pair = new MachinePair(options)
  const data = makeData(random)
  let programs: Placed[] = []
  const write = (): void => {
    const placed = place(random)
    const end = placed.offset + placed.length
    programs = programs.filter(
      (one) => one.part !== placed.part || one.offset >= end || one.offset + one.length <= placed.offset,
    )
    programs.push(placed)
    const code = new Uint8Array(placed.length)
    code.set(placed.request.bytes.subarray(R.REQUEST.code, R.REQUEST.code + placed.length - R.LEAVE.length))
    code.set(R.LEAVE, placed.length - R.LEAVE.length)
    pair.write(
      placed.part,
      placed.offset,
      code,
      random.pick(['device', 'ring', 'rep movsb', 'loop'] as const),
    )
  }
  for (let i = 0; i < 6; i++) write()
  for (let step = 0; step < STEPS; step++) {
    if (step % 10 === 0) between(pair)
    const roll = random.below(100)
    if (roll < 12) write()
    else if (roll < 22)
      pair.remap(random.below(WINDOWS), random.below(PARTS), random.pick(['host', 'cr3', 'invlpg'] as const))
    else {
      const program = random.pick(programs)
      const windows = pair.shows.flatMap((part, window) => (part === program.part ? [window] : []))
      if (windows.length === 0) continue
      const rip = R.CODE + random.pick(windows) * PART_SIZE + program.offset
      refresh(random, program.request)
      const difference = pair.run(program.request.bytes, data, {
        rip,
        flags: program.flags,
        singleStep: random.chance(8),
        ...(random.chance(40) ? { budget: random.below(60) } : {}),
      })
      if (difference === ENDLESS) break
      if (difference === undefined) continue
      const bytes = program.request.bytes.slice(R.REQUEST.code, R.REQUEST.code + program.length)
      const text = disassemble(bytes, BigInt(rip)).join('\n  ')
      assert.fail(`${where}, step ${step}, at ${rip.toString(16)}: ${difference}\n  ${text}`)
    }
  }
  return pair.translating.counters().regionsEntered
}

/** A program for somewhere in the code; it runs in any window that shows its part. */
function place(random: Random): Placed {
  const request = new Request(new ArrayBuffer(R.REQUEST_SIZE), 0)
  const part = random.below(PARTS)
  const offset = random.below(PART_SIZE - R.CODE_LIMIT - LEAVE_MARGIN)
  const masks = makeProgram(random, request, R.CODE + random.below(WINDOWS) * PART_SIZE + offset)
  const length = request.view.getUint32(R.REQUEST.codeLength, true) + R.LEAVE.length
  return { request, flags: masks.all, part, offset, length }
}

/** Other values for what a program computes with. */
function refresh(random: Random, { registers, view }: Request): void {
  for (const register of FREE) registers[register] = random.chance(50) ? integer(random) : random.uint64()
  registers[RCX] = BigInt(random.pick([0, 2, 10, 50, 200]))
  view.setBigUint64(R.REQUEST.rflags, BigInt((random.next() & 0xcd5) | 2), true)
}
