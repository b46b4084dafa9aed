// GCC's vector extension: arithmetic, comparisons, shifts, shuffles and conversions of 16-byte vectors, and of 8 and 32
// bytes, which gcc takes apart or puts together.

import type { Random } from '../../../engine/soft/differential/random.ts'
import type { ChapterMaker } from '../chapter.ts'
import { block, type Piece } from '../piece.ts'

const LANES = ['u8', 'u16', 'u32', 'u64', 'i8', 'i16', 'i32', 'i64'] as const
type Lane = (typeof LANES)[number]

const bitsOf = (lane: Lane): number => Number(lane.slice(1))
const unsignedLane = (lane: Lane): Lane => `u${bitsOf(lane)}` as Lane
const signedLane = (lane: Lane): Lane => `i${bitsOf(lane)}` as Lane

export const vectors: ChapterMaker = ({ random, names }) => {
  const bytes = random.pick([16, 16, 16, 8, 32])
  const suffix = names.fresh('x')
  const type = (lane: string): string => `${lane}${suffix}`
  const declarations: Piece[] = [...LANES, 'float', 'double'].map(
    (lane) => `typedef ${lane} ${type(lane)} __attribute__((vector_size(${bytes})));`,
  )
  const calls: Piece[] = []
  const memory = names.fresh('vectors')
  const count = 9
  declarations.push(`static ${type('u8')} ${memory}[${count}];`)
  for (let i = 0; i < 6; i++) {
    const name = names.fresh('vector')
    declarations.push(
      block(
        `static NOINLINE ${type('u8')} ${name}(${type('u8')} a, ${type('u8')} b)`,
        body(random, type, bytes, 8),
      ),
    )
    const [x, y, z] = [random.below(count), random.below(count), random.below(count)]
    calls.push(
      `${memory}[${z}] = ${name}(${memory}[${x}], ${memory}[${y}]);\ncheck_bytes(${names.check()}, &${memory}[${z}], ${bytes});`,
    )
  }
  const floating = names.fresh('vector')
  declarations.push(floats(random, type, floating, bytes))
  calls.push(`check(${names.check()}, ${floating}(${random.below(1000)}.5 + turn));`)
  return { declarations, setUp: [`fill(${memory}, sizeof ${memory});`], calls }
}

/** `a` and `b` are changed in turn; both are of type u8, seen as other lanes for an operation. */
function body(random: Random, type: (lane: string) => string, bytes: number, count: number): Piece[] {
  const pieces: Piece[] = []
  for (let i = 0; i < count; i++) {
    const lane = random.pick(LANES)
    const t = type(lane)
    const u = type(unsignedLane(lane))
    const [to, other] = random.below(2) === 0 ? ['a', 'b'] : ['b', 'a']
    pieces.push(`${to} = (${type('u8')})(${operation(random, { lane, t, u, type, bytes }, to!, other!)});`)
  }
  pieces.push(`return a ^ (${type('u8')})((${type('u64')})b + 1);`)
  return pieces
}

interface Kind {
  readonly lane: Lane
  readonly t: string
  readonly u: string
  readonly bytes: number
  readonly type: (lane: string) => string
}

function operation(random: Random, { lane, t, u, type, bytes }: Kind, a: string, b: string): string {
  const bits = bitsOf(lane)
  const lanes = (bytes * 8) / bits
  const indices = Array.from({ length: lanes }, () => random.below(2 * lanes)).join(', ')
  const comparison = random.pick(['<', '>', '==', '!=', '<=', '>='])
  const mask = type(signedLane(lane))
  return random.pick([
    // Sums and products in unsigned lanes, which wrap.
    `(${u})${a} + (${u})${b}`,
    `(${u})${a} - (${u})${b}`,
    `(${u})${a} * (${u})${b}`,
    `(${t})${a} ${random.pick(['&', '|', '^'])} ~(${t})${b}`,
    `(${t})${a} >> ${random.below(bits)}`,
    `(${u})${a} << ${random.below(bits)}`,
    `(${t})${a} >> ((${t})${b} & ${bits - 1})`,
    `(${u})${a} << ((${u})${b} & ${bits - 1})`,
    `(${t})${a} ${comparison} (${t})${b}`,
    `((${mask})((${t})${a} ${comparison} (${t})${b}) & (${mask})${a}) | (~(${mask})((${t})${a} ${comparison} (${t})${b}) & (${mask})${b})`,
    `(${u})${a} ${random.pick(['/', '%'])} ((${u})${b} | 1)`,
    `__builtin_shuffle((${t})${a}, (${t})${b}, (${mask}){${indices}})`,
    `__builtin_shuffle((${t})${a}, (${mask})${b})`,
    `(${u})${a} + (${unsignedLane(lane)})((${t})${b})[${random.below(lanes)}]`,
    `-(${u})${a} ^ (${u})${b}`,
  ])
}

function floats(random: Random, type: (lane: string) => string, name: string, bytes: number): Piece {
  const single = bytes / 4
  const list = Array.from({ length: single }, () => `${random.below(200) - 100}.${random.below(100)}f`).join(
    ', ',
  )
  const body: Piece[] = [`${type('float')} f = {${list}}, g = f * (float)start;`]
  for (let i = 0; i < 6; i++)
    body.push(
      random.pick([
        `f = f ${random.pick(['+', '-', '*', '/'])} g;`,
        `g = g ${random.pick(['+', '-', '*'])} f * ${random.below(10)}.5f;`,
        `f = (${type('float')})((${type('i32')})f ^ ((f < g) & (i32)0x80000000));`,
        `g = __builtin_convertvector(((${type('i32')})f >> ${8 + random.below(20)}), ${type('float')});`,
        `f = __builtin_shuffle(f, g, (${type('i32')}){${Array.from({ length: single }, () => random.below(2 * single)).join(', ')}});`,
        `${type('i32')} m${i} = f ${random.pick(['<', '>=', '=='])} g; f = (${type('float')})((m${i} & (${type('i32')})f) | (~m${i} & (${type('i32')})g));`,
      ]),
    )
  body.push(
    `u64 sum = 0;\nfor (u32 i = 0; i < ${single}; i++) sum = sum * 31 + float_bits(f[i]) + ((u64)float_bits(g[i]) << 20);`,
    'return sum;',
  )
  return block(`static NOINLINE u64 ${name}(double start)`, body)
}
