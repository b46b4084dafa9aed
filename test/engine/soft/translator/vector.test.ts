// Every SSE instruction that the translator writes inline, against the interpreter, which differential.test.ts holds
// against the host's processor: registers, flags, MXCSR, memory and faults must be equal from any state.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, enumerateHandlers } from '../../../../src/engine/soft/table/handlers.ts'
import { type Instruction, instructions, type Operand } from '../../../../src/engine/soft/table/index.ts'
import { wayOf } from '../../../../src/engine/soft/translator/instructions.ts'
import type { Operation } from '../../../../src/engine/soft/translator/operations.ts'
import { vectorMeanings } from '../../../../src/engine/soft/translator/vector.ts'
import { Random } from '../differential/random.ts'
import { BORDER, randomState, type State, TwoProcessors } from './vector-machine.ts'

const SEED = process.env.INLINUX_CPU_SEED ?? '1'
const STATES = Number(process.env.INLINUX_CPU_CASES ?? 40)

/** Rare or long: calls of the interpreter's handlers. */
const CALLED = new Set([
  ...['maskmovdqu', 'mpsadbw', 'dpps', 'dppd', 'pcmpestrm', 'pcmpestri', 'pcmpistrm', 'pcmpistri'],
  ...['rsqrtps', 'rsqrtss', 'rcpps', 'rcpss'],
])
const rows = instructions().filter(
  (row) => row.attributes.has('sse') && !row.attributes.has('mmx') && !row.operands.some(isMmx),
)

function isMmx({ kind }: Operand): boolean {
  return /[PQN]/.test(kind)
}

test('every line is translated inline or known to be called', () => {
  const lines = new Set(rows)
  const { handlers } = enumerateHandlers()
  for (const handler of handlers.filter(({ row }) => lines.has(row))) {
    const operation = { handler, immediate: 0 } as unknown as Operation
    assert.equal(wayOf(operation), CALLED.has(handler.row.name) ? 'call' : 'inline', handler.name)
  }
  const names = new Set(rows.map(({ name }) => name))
  assert.deepEqual(
    Object.keys(vectorMeanings).filter((name) => !names.has(name)),
    [],
  )
})

/** Numbers of registers: vectors 1, 2, 0 and high ones; general ones that the address does not need. */
const PAIRS: readonly (readonly [reg: number, rm: number])[] = [
  [1, 2],
  [2, 2],
  [0, 3],
  [9, 10],
]
const BASE = 6 // RSI

interface Encoding {
  readonly bytes: readonly number[]
  /** Bytes of the operand in memory, which RSI points to; 0: there is none. */
  readonly memoryBytes: number
}

const PREFIXES: Readonly<Record<string, readonly number[]>> = {
  np: [],
  any: [],
  '66': [0x66],
  f2: [0xf2],
  f3: [0xf3],
}
const MAPS = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]]

function encode(
  row: Instruction,
  reg: number,
  rm: number | 'memory',
  wide: boolean,
  immediate: number,
): Encoding {
  const memory = rm === 'memory'
  const low = memory ? BASE : rm
  const rex = 0x40 | (wide ? 8 : 0) | (reg > 7 ? 4 : 0) | (low > 7 ? 1 : 0)
  const middle = row.digit ?? reg & 7
  const operand = row.operands.find(({ kind }) => /[EW]/.test(kind))
  return {
    bytes: [
      ...PREFIXES[row.prefix]!,
      ...(rex === 0x40 ? [] : [rex]),
      ...MAPS[row.map]!,
      row.opcode,
      (memory ? 0 : 0xc0) | (middle << 3) | (low & 7),
      ...(row.operands.some(({ kind }) => kind === 'I') ? [immediate] : []),
    ],
    memoryBytes: memory ? bytesOf(operand!, wide ? 8 : 4) : 0,
  }
}

function* encodings(row: Instruction, random: Random): Generator<Encoding> {
  const immediates = row.operands.some(({ kind }) => kind === 'I')
    ? [
        0,
        1,
        7,
        8,
        15,
        16,
        31,
        32,
        63,
        64,
        0x1b,
        0xe4,
        0xff,
        ...Array.from({ length: 6 }, () => random.below(256)),
      ]
    : [0]
  const registerOnly = row.form === 'r' || row.operands.some(({ kind }) => /[RU]/.test(kind))
  const sized = row.operands.some(({ size }) => size === 'y')
  for (const wide of sized ? [false, true] : [false]) {
    for (const [i, immediate] of immediates.entries()) {
      // With many immediates not all registers with each.
      const pairs = i === 0 ? PAIRS : [random.pick(PAIRS)]
      if (row.form !== 'm') for (const [reg, rm] of pairs) yield encode(row, reg, rm, wide, immediate)
      if (!registerOnly) for (const [reg] of pairs) yield encode(row, reg, 'memory', wide, immediate)
    }
  }
}

/** Aligned, not aligned, across the border of two pages; rarely nothing is there. */
function chooseAddress(random: Random, bytes: number): number {
  const roll = random.below(16)
  if (roll === 0) return 0x1_0000
  if (roll < 3) return BORDER - random.below(bytes + 1)
  if (roll < 6) return BORDER - 64 + random.below(128 - bytes + 1)
  return BORDER - 64 + bytes * random.below(128 / bytes)
}

function chooseMxcsr(random: Random, floats: boolean): number {
  const roll = random.below(10)
  if (!floats || roll < 3) return 0x1f80
  if (roll < 7) return 0x1fa0
  let value = 0x1f80 | (random.next() & 0x3f) | (random.below(4) << 13)
  if (random.chance(25)) value |= 0x40
  if (random.chance(25)) value |= 0x8000
  if (random.chance(30)) value &= ~((random.next() & 0x3f) << 7)
  return value
}

function makeState(row: Instruction, encoding: Encoding, random: Random): State {
  const floats = row.attributes.has('simd') || random.chance(20)
  const state = randomState(random, floats, chooseMxcsr(random, floats))
  if (encoding.memoryBytes > 0) state.registers[BASE] = BigInt(chooseAddress(random, encoding.memoryBytes))
  // Shifts by a register: mostly counts that leave something.
  if (/^ps[lr]/.test(row.name) && random.chance(70))
    for (let i = 0; i < 32; i += 2) if (random.chance(50)) state.xmm[i] = BigInt(random.below(70))
  if (/^ps[lr]/.test(row.name) && random.chance(50))
    for (let i = 0; i < 16; i += 2) state.memory[i] = BigInt(random.below(70))
  return state
}

const hex = (bytes: readonly number[]): string => Buffer.from(bytes).toString('hex')

test('translated SSE instructions do what the interpreter does', (t) => {
  const processors = new TwoProcessors()
  let translations = 0
  let states = 0
  let inline = 0
  for (const row of rows) {
    if (CALLED.has(row.name)) continue
    const random = new Random(`${SEED}/${row.line}`)
    for (const encoding of encodings(row, random)) {
      processors.program(encoding.bytes)
      translations++
      let own = 0
      for (let i = 0; i < STATES; i++) {
        const state = makeState(row, encoding, random)
        const outcome = processors.compare(state)
        states++
        if (outcome.inline) own++
        if (outcome.translated !== outcome.interpreted)
          assert.equal(
            outcome.translated,
            outcome.interpreted,
            `${row.line}  ${hex(encoding.bytes)} state ${i} from\n${show(state)}`,
          )
      }
      assert.ok(own > 0, `${row.line}  ${hex(encoding.bytes)} never ran inline`)
      inline += own
    }
  }
  t.diagnostic(
    `${translations} translations, ${states} states, ${Math.round((inline / states) * 100)} % inline`,
  )
})

function show({ registers, xmm, memory, rflags, mxcsr }: State): string {
  const text = (values: BigUint64Array): string => [...values].map((value) => value.toString(16)).join(' ')
  return [
    `mxcsr ${mxcsr.toString(16)} rflags ${rflags.toString(16)}`,
    `registers ${text(registers)}`,
    `xmm ${text(xmm)}`,
    `memory ${text(memory)}`,
  ].join('\n')
}
