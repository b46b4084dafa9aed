// SSE, x87 and MMX instructions among those of assembly.ts: comparisons that set flags, conversions, stores.

import type { Random } from '../../engine/soft/differential/random.ts'

export interface SimdPlaces {
  /** An operand in memory, of this alignment. */
  memory(align: number): string
  /** A 64-bit general register. */
  register(): string
}

const PACKED = [
  ...[
    'paddb',
    'paddw',
    'paddd',
    'paddq',
    'psubb',
    'psubq',
    'pand',
    'pandn',
    'por',
    'pxor',
    'pmullw',
    'pmuludq',
  ],
  ...[
    'pcmpeqb',
    'pcmpgtw',
    'punpcklbw',
    'punpckhdq',
    'packuswb',
    'pavgb',
    'psadbw',
    'pmaddwd',
    'pshufb',
    'pminub',
  ],
  ...['psllq', 'psrad', 'pmulld', 'pblendvb'],
]
const SCALAR = [
  'addsd',
  'subsd',
  'mulsd',
  'divsd',
  'minsd',
  'maxsd',
  'addss',
  'mulss',
  'sqrtsd',
  'cvtss2sd',
  'cvtsd2ss',
]

const COMPARISONS = ['ucomisd', 'comisd', 'ucomiss', 'comiss']

/** These set all flags, some of them to 0. */
export function setsFlags(line: string): boolean {
  return line.startsWith('ptest') || COMPARISONS.some((name) => line.startsWith(name))
}

/** One instruction, or a few that belong together. */
export function simdLines(random: Random, { memory, register }: SimdPlaces): string[] {
  const x = (): string => `%xmm${random.below(8)}`
  switch (random.below(12)) {
    case 0:
    case 1: {
      // The third operand of PBLENDVB is XMM0, without being named.
      const name = random.pick(PACKED)
      const from = random.below(4) === 0 ? memory(16) : x()
      return [name === 'pblendvb' ? `pblendvb %xmm0, ${from}, ${x()}` : `${name} ${from}, ${x()}`]
    }
    case 2:
      return [`${random.pick(SCALAR)} ${random.below(4) === 0 ? memory(1) : x()}, ${x()}`]
    case 3:
      return [
        random.pick([
          `movdqu ${memory(1)}, ${x()}`,
          `movdqu ${x()}, ${memory(1)}`,
          `movaps ${x()}, ${memory(16)}`,
        ]),
      ]
    case 4:
      return [
        random.pick([`movq ${x()}, ${register()}`, `movq ${register()}, ${x()}`, `pmovmskb ${x()}, %eax`]),
      ]
    case 5:
      return [
        random.pick([
          `movsd ${memory(1)}, ${x()}`,
          `movss ${x()}, ${memory(1)}`,
          `movhps ${memory(1)}, ${x()}`,
          `movlpd ${x()}, ${memory(1)}`,
        ]),
      ]
    case 6:
      return [`${random.pick(COMPARISONS)} ${random.below(4) === 0 ? memory(1) : x()}, ${x()}`]
    case 7:
      return [`ptest ${x()}, ${x()}`]
    case 8:
      return [
        random.pick([
          `cvtsi2sdq ${register()}, ${x()}`,
          `cvttsd2siq ${x()}, ${register()}`,
          `cvtsd2siq ${x()}, ${register()}`,
          `cvttss2siq ${x()}, ${register()}`,
          `cvtdq2pd ${x()}, ${x()}`,
        ]),
      ]
    case 9:
      return [`pshufd $${random.below(256)}, ${x()}, ${x()}`, `shufps $${random.below(256)}, ${x()}, ${x()}`]
    case 10:
      return [
        `fildll ${memory(1)}`,
        random.pick(['fld1', 'fldpi', 'fldl2e', 'fldz']),
        random.pick(['faddp', 'fsubp', 'fmulp', 'fsubrp']),
        `fistpll ${memory(1)}`,
      ]
    default:
      return [
        `movq ${memory(1)}, %mm3`,
        `${random.pick(['paddw', 'pmullw', 'pxor', 'packsswb'])} ${memory(1)}, %mm3`,
        `movq %mm3, ${memory(1)}`,
        'emms',
      ]
  }
}
