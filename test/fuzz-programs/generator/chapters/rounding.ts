// The four ways to round and the exception flags, in SSE and x87: volatile operands keep the compiler from computing
// anything beforehand.

import type { Random } from '../../../engine/soft/differential/random.ts'
import type { ChapterMaker } from '../chapter.ts'
import { floatLiteral } from '../float-forms.ts'
import { block, type Piece } from '../piece.ts'
import { DOUBLE, FLOAT, type FloatType, LONG_DOUBLE } from '../types.ts'

export const rounding: ChapterMaker = ({ random, names }) => {
  const declarations: Piece[] = []
  const calls: Piece[] = []
  for (const type of [DOUBLE, FLOAT, LONG_DOUBLE, DOUBLE]) {
    const [operands, name] = [names.fresh('operands'), names.fresh('round')]
    const count = 8
    const list = Array.from({ length: count }, () => floatLiteral(random, type)).join(', ')
    declarations.push(
      `static volatile ${type.name} ${operands}[${count}] = {${list}};`,
      block(
        `static NOINLINE __attribute__((optimize("rounding-math"))) void ${name}(i32 mode)`,
        body(random, type, operands, () => names.check()),
      ),
    )
    calls.push(
      `for (u32 i = 0; i < 4; i++) ${name}((i32[]){FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}[i]);`,
    )
  }
  return { declarations, calls }
}

function body(random: Random, type: FloatType, operands: string, id: () => number): Piece[] {
  const suffix = { float: 'f', double: '', longdouble: 'l' }[type.name]
  const check = type.name === 'longdouble' ? 'check_long_double' : `check_${type.name}`
  const any = (): string => `${operands}[${random.below(8)}]`
  const pieces: Piece[] = [
    `volatile ${type.name} result[8] = {0};\nvolatile i64 integers[8] = {0};\nfesetround(mode);\nfeclearexcept(FE_ALL_EXCEPT);`,
  ]
  for (let i = 0; i < 8; i++)
    pieces.push(
      random.pick([
        `result[${i}] = ${any()} ${random.pick(['+', '-', '*', '/'])} ${any()};`,
        `result[${i}] = ${any()} ${random.pick(['+', '-', '*', '/'])} ${any()};`,
        `result[${i}] = sqrt${suffix}(${any()});`,
        `result[${i}] = ${random.pick(['rint', 'nearbyint'])}${suffix}(${any()});`,
        `result[${i}] = (${random.pick(['float', 'double', 'longdouble'])})${any()};`,
        `result[${i}] = ${any()} < ${any()} ? ${any()} : 1;`,
        `{ ${type.name} x = ${any()}; result[${i}] = x; if (x > -1e15 && x < 1e15) integers[${i}] = llrint${suffix}(x); }`,
        `result[${i}] = (${type.name})(i64)${random.uint64() >> 1n}LL;`,
      ]),
    )
  pieces.push(
    'i32 flags = fetestexcept(FE_ALL_EXCEPT);\nfeclearexcept(FE_ALL_EXCEPT);\nfesetround(FE_TONEAREST);',
    `check(${id()}, SAME ? 0 : (u64)flags);`,
    `for (u32 i = 0; i < 8; i++) { ${check}(${id()}, result[i]); check(${id()}, (u64)integers[i]); }`,
  )
  return pieces
}
