// Every SSE instruction that the translator writes inline, against the interpreter, which differential.test.ts holds
// against the host's processor: registers, flags, MXCSR, memory and faults must be equal from any state.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, enumerateHandlers } from '../../../../src/engine/soft/table/handlers.ts'
import { type Instruction, instructions, type Operand } from '../../../../src/engine/soft/table/index.ts'
import { wayOf } from '../../../../src/engine/soft/translator/instructions.ts'
import type { Operation } from '../../../../src/engine/soft/translator/operations.ts'
import { vectorMeanings } from '../../../../src/engine/soft/translator/vector.ts'
import { CODE } from '../bare-machine.ts'
import { Random } from '../differential/random.ts'
import { disassemble } from '../differential/report.ts'
import { BORDER, randomState, type State, TwoProcessors } from './vector-machine.ts'
import { ADDRESS_REGISTER, BORDER_DOUBLES, BORDER_SINGLES, makeState } from './vector-states.ts'

const SEED = process.env.INLINUX_CPU_SEED ?? '1'
const STATES = Number(process.env.INLINUX_CPU_CASES ?? 30)

const SEQUENCES = 200

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
interface Encoding {
  readonly bytes: readonly number[]
  /** Bytes of the operand in memory; 0: there is none. */
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
  const low = memory ? ADDRESS_REGISTER : rm
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
    ? [0, 1, 7, 16, 32, 0x1b, 0xff, ...Array.from({ length: 5 }, () => random.below(256))]
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

const hex = (bytes: readonly number[]): string => Buffer.from(bytes).toString('hex')

test('translated SSE instructions do what the interpreter does', (t) => {
  const processors = new TwoProcessors()
  let translations = 0
  let states = 0
  let inline = 0
  for (const row of rows) {
    if (CALLED.has(row.name)) continue
    const random = new Random(`${SEED}/${row.line}`)
    let own = 0
    for (const encoding of encodings(row, random)) {
      processors.program(encoding.bytes)
      translations++
      for (let i = 0; i < STATES; i++) {
        const state = makeState(row, encoding.memoryBytes, random)
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
    }
    assert.ok(own > 0, `${row.line} never ran inline`)
    inline += own
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

// What must not send ordinary programs to the interpreter again and again.

/** `op xmm1, xmm2` with doubles or, for an opcode with F3 or without a prefix, singles. */
interface Common {
  readonly what: string
  readonly code: readonly number[]
  readonly a: number
  readonly b: number
  /** Runs before anything has been rounded: PE is clear. */
  readonly exact?: true
}

const XMM1_XMM2 = 0xca
const sd = (opcode: number, ...immediate: number[]): number[] => [0xf2, 0x0f, opcode, XMM1_XMM2, ...immediate]
const [ADD, MUL, SUB, MIN, DIV, MAX, SQRT, CMP] = [0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f, 0x51, 0xc2]
const UCOMISD = [0x66, 0x0f, 0x2e, XMM1_XMM2]

const COMMON: readonly Common[] = [
  { what: 'a sum', code: sd(ADD), a: 0.1, b: 0.2 },
  { what: 'a sum of zeros', code: sd(ADD), a: 0, b: -0 },
  { what: 'an exact sum', code: sd(ADD), a: 3, b: 0.5, exact: true },
  { what: 'a sum with zero', code: sd(ADD), a: 0, b: 5, exact: true },
  { what: 'a difference of 0', code: sd(SUB), a: 0.1, b: 0.1 },
  { what: 'an exact difference of 0', code: sd(SUB), a: 0.1, b: 0.1, exact: true },
  { what: 'a product', code: sd(MUL), a: 0.1, b: -0.2 },
  { what: 'a product with zero', code: sd(MUL), a: -0.1, b: 0 },
  { what: 'an exact product', code: sd(MUL), a: 1234567, b: 7654321, exact: true },
  { what: 'an exact product with zero', code: sd(MUL), a: 0, b: 0.1, exact: true },
  { what: 'a quotient', code: sd(DIV), a: 1, b: 3 },
  { what: 'a quotient of zero', code: sd(DIV), a: 0, b: 3 },
  { what: 'an exact quotient', code: sd(DIV), a: 12, b: 4, exact: true },
  { what: 'a root', code: sd(SQRT), a: 0, b: 2 },
  { what: 'the root of zero', code: sd(SQRT), a: 0, b: -0 },
  { what: 'the exact root of zero', code: sd(SQRT), a: 0, b: 0, exact: true },
  { what: 'an exact root', code: sd(SQRT), a: 0, b: 144, exact: true },
  { what: 'a minimum', code: sd(MIN), a: 1, b: 2, exact: true },
  { what: 'a maximum of zeros', code: sd(MAX), a: 0, b: -0, exact: true },
  { what: 'a maximum of infinities', code: sd(MAX), a: Number.POSITIVE_INFINITY, b: 1, exact: true },
  { what: 'a mask', code: sd(CMP, 1), a: 0, b: 0, exact: true },
  { what: 'less', code: UCOMISD, a: 1, b: 2, exact: true },
  { what: 'equal', code: UCOMISD, a: 2, b: 2, exact: true },
  { what: 'zeros compared', code: UCOMISD, a: 0, b: -0, exact: true },
  { what: 'infinity compared', code: UCOMISD, a: Number.POSITIVE_INFINITY, b: 2, exact: true },
  { what: 'cvttsd2si ecx, xmm2', code: [0xf2, 0x0f, 0x2c, XMM1_XMM2], a: 0, b: 2.5 },
  { what: 'cvttsd2si ecx, xmm2, exact', code: [0xf2, 0x0f, 0x2c, XMM1_XMM2], a: 0, b: -2, exact: true },
  { what: 'cvttsd2si rcx, xmm2', code: [0xf2, 0x48, 0x0f, 0x2c, XMM1_XMM2], a: 0, b: 1e18 + 0.5 },
  { what: 'cvtsd2si ecx, xmm2', code: [0xf2, 0x0f, 0x2d, XMM1_XMM2], a: 0, b: 2.5 },
  { what: 'cvtsd2si ecx, xmm2, exact', code: [0xf2, 0x0f, 0x2d, XMM1_XMM2], a: 0, b: 0, exact: true },
  { what: 'cvtsi2sd xmm1, edx', code: [0xf2, 0x0f, 0x2a, XMM1_XMM2], a: 0, b: 0, exact: true },
  { what: 'cvtsd2ss', code: sd(0x5a), a: 0, b: 0.1 },
  { what: 'cvtsd2ss, exact', code: sd(0x5a), a: 0, b: 0.5, exact: true },
  { what: 'cvtsd2ss of zero', code: sd(0x5a), a: 0, b: -0, exact: true },
  { what: 'roundsd down', code: [0x66, 0x0f, 0x3a, 0x0b, XMM1_XMM2, 9], a: 0, b: 2.5, exact: true },
  { what: 'roundsd as MXCSR says', code: [0x66, 0x0f, 0x3a, 0x0b, XMM1_XMM2, 4], a: 0, b: 2.5 },
]

test('common numbers do not leave translated code', () => {
  const processors = new TwoProcessors()
  for (const { what, code, a, b, exact } of COMMON) {
    processors.program(code)
    const state = randomState(new Random(what), false, exact ? 0x1f80 : 0x1fa0)
    const numbers = new Float64Array(state.xmm.buffer as ArrayBuffer)
    numbers[2] = a
    numbers[4] = b
    const { interpreted, translated, inline } = processors.compare(state)
    assert.equal(translated, interpreted, what)
    assert.ok(inline, what)
  }
})

test('every pair of numbers at the borders of a format', () => {
  const processors = new TwoProcessors()
  for (const [prefix, values, array] of [
    [0xf2, BORDER_DOUBLES, Float64Array],
    [0xf3, BORDER_SINGLES, Float32Array],
  ] as const) {
    for (const opcode of [ADD, SUB, MUL, DIV]) {
      processors.program([prefix, 0x0f, opcode, XMM1_XMM2])
      for (const a of values)
        for (const b of values)
          for (const mxcsr of [0x1f80, 0x1fa0]) {
            const state = randomState(new Random('borders'), false, mxcsr)
            const numbers = new array(state.xmm.buffer as ArrayBuffer)
            numbers[numbers.length / 16] = a
            numbers[numbers.length / 8] = -b
            const { interpreted, translated } = processors.compare(state)
            assert.equal(translated, interpreted, `${prefix} ${opcode}: ${a} ${b}`)
          }
    }
  }
})

test('conditions that follow a comparison of floats', () => {
  const processors = new TwoProcessors()
  const numbers = [1, 2, 0, -0, -1, Number.POSITIVE_INFINITY, Number.NaN, 5e-324]
  for (const first of [0, 8]) {
    // ucomisd xmm1, xmm2; setcc r8b … r15b, eight of the conditions; adc eax, ecx; cmovcc edx, ecx
    const set = Array.from({ length: 8 }, (_, i) => [0x41, 0x0f, 0x90 + first + i, 0xc0 + i]).flat()
    processors.program([...UCOMISD, ...set, 0x11, 0xc8, 0x0f, 0x46 + (first >> 3), 0xd1])
    for (const a of numbers)
      for (const b of numbers) {
        const state = randomState(new Random(`${first}`), false, 0x1fa0)
        new Float64Array(state.xmm.buffer as ArrayBuffer).set([a, 0, b, 0], 2)
        const { interpreted, translated } = processors.compare(state)
        assert.equal(translated, interpreted, `${a} ${b}`)
      }
  }
})

test('a branch on a comparison of floats, and what follows at both ends', () => {
  const processors = new TwoProcessors()
  for (let condition = 0; condition < 16; condition++) {
    // comiss xmm1, xmm2; jcc +3; inc eax; nop; then the flags are read again: seta cl
    const code = [0x0f, 0x2f, XMM1_XMM2, 0x70 + condition, 3, 0xff, 0xc0, 0x90, 0x0f, 0x97, 0xc1]
    processors.program(code)
    for (const [a, b] of [
      [1, 2],
      [2, 1],
      [2, 2],
    ] as const) {
      const state = randomState(new Random('branch'), false, 0x1fa0)
      const singles = new Float32Array(state.xmm.buffer as ArrayBuffer)
      singles[4] = a
      singles[8] = b
      for (let again = 0; again < 3; again++) {
        const { interpreted, translated } = processors.compare(state)
        assert.equal(translated, interpreted, `${condition}: ${a} ${b}`)
      }
    }
  }
})

test('sequences, where one instruction knows what the ones before it have made sure of', (t) => {
  const processors = new TwoProcessors()
  const random = new Random(`${SEED}/sequences`)
  // Among them calls of handlers: dot products and approximations.
  const choices = rows.filter(
    ({ name, custom, attributes }) =>
      !custom && (attributes.has('simd') || CALLED.has(name) || /^mov|^punpckl|^pxor$/.test(name)),
  )
  let inline = 0
  for (let program = 0; program < SEQUENCES; program++) {
    const code: number[] = []
    for (let i = 2 + random.below(8); i > 0; i--) {
      const row = random.pick(choices)
      const form =
        row.form === 'm' || (row.form === undefined && random.chance(25)) ? 'memory' : random.below(4)
      const registerOnly = row.operands.some(({ kind }) => /[RU]/.test(kind))
      // General registers 0 to 3 change, RSI does not.
      code.push(
        ...encode(
          row,
          random.below(4),
          registerOnly ? random.below(4) : form,
          random.chance(20),
          random.below(16),
        ).bytes,
      )
    }
    processors.program(code)
    const simd = rows.find(({ name }) => name === 'addsd')!
    for (let i = 0; i < STATES; i++) {
      const state = makeState(simd, 16, random)
      state.registers[ADDRESS_REGISTER] = BigInt(BORDER - 64 + 16 * random.below(8))
      const outcome = processors.compare(state)
      if (outcome.inline) inline++
      if (outcome.translated !== outcome.interpreted)
        assert.equal(
          outcome.translated,
          outcome.interpreted,
          `${disassemble(Uint8Array.from(code), BigInt(CODE)).join('; ')} state ${i} from\n${show(state)}`,
        )
    }
  }
  assert.ok(inline > 0)
  t.diagnostic(
    `${SEQUENCES * STATES} runs, ${Math.round((inline / (SEQUENCES * STATES)) * 100)} % wholly inline`,
  )
})

test('a register that is written again is asked again', () => {
  const processors = new TwoProcessors()
  const addsd = sd(ADD) // of XMM1 and XMM2
  const programs: readonly (readonly [string, readonly number[]])[] = [
    ['addsd; movaps xmm1, xmm3; addsd', [...addsd, 0x0f, 0x28, 0xcb, ...addsd]],
    ['addsd; movlpd xmm1, [rsi]; addsd', [...addsd, 0x66, 0x0f, 0x12, 0x0e, ...addsd]],
    ['addsd; movsd xmm1, xmm3; addsd', [...addsd, 0xf2, 0x0f, 0x10, 0xcb, ...addsd]],
    ['addsd; unpckhpd xmm1, xmm3; addpd', [...addsd, 0x66, 0x0f, 0x15, 0xcb, 0x66, 0x0f, 0x58, 0xca]],
    [
      'maxss xmm1, xmm2; rsqrtss xmm1, xmm4; maxss',
      [0xf3, 0x0f, 0x5f, 0xca, 0xf3, 0x0f, 0x52, 0xcc, 0xf3, 0x0f, 0x5f, 0xca],
    ],
  ]
  for (const [what, code] of programs) {
    processors.program(code)
    const state = randomState(new Random(what), false, 0x1fa0)
    const doubles = new Float64Array(state.xmm.buffer as ArrayBuffer)
    doubles.set([1, 1, 2, 2, 5e-324, 5e-324], 2)
    new Float32Array(state.xmm.buffer as ArrayBuffer)[16] = -1
    new Float64Array(state.memory.buffer as ArrayBuffer)[8] = 5e-324
    state.registers[ADDRESS_REGISTER] = BigInt(BORDER)
    const { interpreted, translated, inline } = processors.compare(state)
    assert.equal(translated, interpreted, what)
    assert.equal(inline, false, what)
  }
})

test('a new rounding mode is noticed', () => {
  const processors = new TwoProcessors()
  // addsd xmm1, xmm2; ldmxcsr [rsi]; addsd xmm3, xmm2; mulsd xmm3, xmm2
  const code = [...sd(ADD), 0x0f, 0xae, 0x16, 0xf2, 0x0f, 0x58, 0xda, 0xf2, 0x0f, 0x59, 0xda]
  processors.program(code)
  for (const before of [0x1f80, 0x1fa0, 0x3fa0])
    for (const after of [0x1f80n, 0x1fa0n, 0x3fa0n, 0x5fa0n, 0x7fa0n]) {
      const state = randomState(new Random('mode'), false, before)
      new Float64Array(state.xmm.buffer as ArrayBuffer).set([1, 0, 0.1, 0, 0.7, 0], 2)
      state.registers[ADDRESS_REGISTER] = BigInt(BORDER)
      state.memory[8] = after
      const { interpreted, translated } = processors.compare(state)
      assert.equal(translated, interpreted, `${before.toString(16)} ${after.toString(16)}`)
    }
})
