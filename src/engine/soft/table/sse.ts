// SSE to SSE4.2: moves, integers, shuffles, strings; floating point is in sse-float.ts, MMX in mmx.ts.
// The format is explained in instruction.ts.
//
// Every line here needs `sseUsable()`, and its 16-byte memory operands are aligned unless the line says `unaligned`:
// that is added below. Instructions that do the same to the same bits (MOVAPS, MOVAPD, MOVDQA; ANDPS, ANDPD, PAND)
// share the name of one of them.

import { type Instruction, parseTable } from './instruction.ts'
import { mmxInstructions } from './mmx.ts'
import { sseFloatInstructions } from './sse-float.ts'

const integers = (): Instruction[] =>
  parseTable(`
  # Moves
  np 0F 10 movups     Vdq= Wdq     unaligned
  66 0F 10 movups     Vdq= Wdq     unaligned
  f3 0F 10 !r movss   Vss= Wss
  f3 0F 10 !m movssLoad Vdq= Wss
  f2 0F 10 !r movlps  Vq= Wq
  f2 0F 10 !m movq    Vdq= Wq
  np 0F 11 movups     Wdq= Vdq     unaligned
  66 0F 11 movups     Wdq= Vdq     unaligned
  f3 0F 11 movss      Wss= Vss
  f2 0F 11 movlps     Wq= Vq
  np 0F 12 !r movhlps Vq= Udq
  np 0F 12 !m movlps  Vq= Wq
  66 0F 12 !m movlps  Vq= Wq
  f3 0F 12 movsldup   Vdq= Wdq
  f2 0F 12 movddup    Vdq= Wq
  np 0F 13 !m movlps  Wq= Vq
  66 0F 13 !m movlps  Wq= Vq
  np 0F 14 punpckldq  Vdq+ Wdq
  66 0F 14 punpcklqdq Vdq+ Wdq
  np 0F 15 punpckhdq  Vdq+ Wdq
  66 0F 15 punpckhqdq Vdq+ Wdq
  np 0F 16 movhps     Vdq+ Wq
  66 0F 16 !m movhps  Vdq+ Wq
  f3 0F 16 movshdup   Vdq= Wdq
  np 0F 17 !m movhlps Wq= Vdq
  66 0F 17 !m movhlps Wq= Vdq
  np 0F 28 movaps     Vdq= Wdq
  66 0F 28 movaps     Vdq= Wdq
  np 0F 29 movaps     Wdq= Vdq
  66 0F 29 movaps     Wdq= Vdq
  np 0F 2B !m movaps  Wdq= Vdq
  66 0F 2B !m movaps  Wdq= Vdq
  np 0F 50 movmskps   Gd= Udq      plain
  66 0F 50 movmskpd   Gd= Udq      plain
  66 0F 6E movd       Vdq= Ey
  66 0F 6F movaps     Vdq= Wdq
  f3 0F 6F movups     Vdq= Wdq     unaligned
  66 0F 7E movdStore  Ey= Vq
  f3 0F 7E movq       Vdq= Wq
  66 0F 7F movaps     Wdq= Vdq
  f3 0F 7F movups     Wdq= Vdq     unaligned
  66 0F D6 !r movq    Wdq= Vq
  66 0F D6 !m movlps  Wq= Vq
  66 0F D7 pmovmskb   Gd= Udq      plain
  66 0F E7 !m movaps  Wdq= Vdq
  f2 0F F0 !m movups  Vdq= Wdq     unaligned
  66 0F F7 !maskmovdqu Vdq Udq
  66 0F 38 2A !m movaps Vdq= Wdq

  # Logic
  np 0F 54 pand       Vdq+ Wdq
  66 0F 54 pand       Vdq+ Wdq
  np 0F 55 pandn      Vdq+ Wdq
  66 0F 55 pandn      Vdq+ Wdq
  np 0F 56 por        Vdq+ Wdq
  66 0F 56 por        Vdq+ Wdq
  np 0F 57 pxor       Vdq+ Wdq
  66 0F 57 pxor       Vdq+ Wdq
  66 0F DB pand       Vdq+ Wdq
  66 0F DF pandn      Vdq+ Wdq
  66 0F EB por        Vdq+ Wdq
  66 0F EF pxor       Vdq+ Wdq
  66 0F 38 17 ptest   Vdq Wdq      w=oszapc

  # Shuffles
  66 0F 60 punpcklbw  Vdq+ Wdq
  66 0F 61 punpcklwd  Vdq+ Wdq
  66 0F 62 punpckldq  Vdq+ Wdq
  66 0F 63 packsswb   Vdq+ Wdq
  66 0F 67 packuswb   Vdq+ Wdq
  66 0F 68 punpckhbw  Vdq+ Wdq
  66 0F 69 punpckhwd  Vdq+ Wdq
  66 0F 6A punpckhdq  Vdq+ Wdq
  66 0F 6B packssdw   Vdq+ Wdq
  66 0F 6C punpcklqdq Vdq+ Wdq
  66 0F 6D punpckhqdq Vdq+ Wdq
  66 0F 70 pshufd     Vdq= Wdq Ib
  f3 0F 70 pshufhw    Vdq= Wdq Ib
  f2 0F 70 pshuflw    Vdq= Wdq Ib
  np 0F C6 shufps     Vdq+ Wdq Ib
  66 0F C6 shufpd     Vdq+ Wdq Ib
  66 0F C4 !r pinsrw  Vdq+ Rd Ib   plain
  66 0F C4 !m pinsrw  Vdq+ Ew Ib   plain
  66 0F C5 pextrw     Gd= Udq Ib
  66 0F 38 00 pshufb  Vdq+ Wdq
  66 0F 38 10 pblendvb Vdq+ Wdq
  66 0F 38 14 blendvps Vdq+ Wdq
  66 0F 38 15 blendvpd Vdq+ Wdq
  66 0F 38 20 pmovsxbw Vdq= Wq
  66 0F 38 21 pmovsxbd Vdq= Wd
  66 0F 38 22 pmovsxbq Vdq= Ww
  66 0F 38 23 pmovsxwd Vdq= Wq
  66 0F 38 24 pmovsxwq Vdq= Wd
  66 0F 38 25 pmovsxdq Vdq= Wq
  66 0F 38 2B packusdw Vdq+ Wdq
  66 0F 38 30 pmovzxbw Vdq= Wq
  66 0F 38 31 pmovzxbd Vdq= Wd
  66 0F 38 32 pmovzxbq Vdq= Ww
  66 0F 38 33 pmovzxwd Vdq= Wq
  66 0F 38 34 pmovzxwq Vdq= Wd
  66 0F 38 35 pmovzxdq Vdq= Wq
  66 0F 3A 0C blendps Vdq+ Wdq Ib
  66 0F 3A 0D blendpd Vdq+ Wdq Ib
  66 0F 3A 0E pblendw Vdq+ Wdq Ib
  66 0F 3A 0F palignr Vdq+ Wdq Ib
  66 0F 3A 14 !r pextrb Rd= Vdq Ib
  66 0F 3A 14 !m pextrb Eb= Vdq Ib
  66 0F 3A 15 !r pextrw Rd= Vdq Ib
  66 0F 3A 15 !m pextrw Ew= Vdq Ib
  66 0F 3A 16 pextrd  Ey= Vdq Ib
  66 0F 3A 17 pextrd  Ed= Vdq Ib
  66 0F 3A 20 !r pinsrb Vdq+ Rd Ib plain
  66 0F 3A 20 !m pinsrb Vdq+ Eb Ib plain
  66 0F 3A 21 !r insertps Vdq+ Wdq Ib
  66 0F 3A 21 !m insertpsLoad Vdq+ Wd Ib
  66 0F 3A 22 pinsrd  Vdq+ Ey Ib

  # Arithmetic
  66 0F D4 paddq      Vdq+ Wdq
  66 0F D5 pmullw     Vdq+ Wdq
  66 0F D8 psubusb    Vdq+ Wdq
  66 0F D9 psubusw    Vdq+ Wdq
  66 0F DA pminub     Vdq+ Wdq
  66 0F DC paddusb    Vdq+ Wdq
  66 0F DD paddusw    Vdq+ Wdq
  66 0F DE pmaxub     Vdq+ Wdq
  66 0F E0 pavgb      Vdq+ Wdq
  66 0F E3 pavgw      Vdq+ Wdq
  66 0F E4 pmulhuw    Vdq+ Wdq
  66 0F E5 pmulhw     Vdq+ Wdq
  66 0F E8 psubsb     Vdq+ Wdq
  66 0F E9 psubsw     Vdq+ Wdq
  66 0F EA pminsw     Vdq+ Wdq
  66 0F EC paddsb     Vdq+ Wdq
  66 0F ED paddsw     Vdq+ Wdq
  66 0F EE pmaxsw     Vdq+ Wdq
  66 0F F4 pmuludq    Vdq+ Wdq
  66 0F F5 pmaddwd    Vdq+ Wdq
  66 0F F6 psadbw     Vdq+ Wdq
  66 0F F8 psubb      Vdq+ Wdq
  66 0F F9 psubw      Vdq+ Wdq
  66 0F FA psubd      Vdq+ Wdq
  66 0F FB psubq      Vdq+ Wdq
  66 0F FC paddb      Vdq+ Wdq
  66 0F FD paddw      Vdq+ Wdq
  66 0F FE paddd      Vdq+ Wdq
  66 0F 38 01 phaddw  Vdq+ Wdq
  66 0F 38 02 phaddd  Vdq+ Wdq
  66 0F 38 03 phaddsw Vdq+ Wdq
  66 0F 38 04 pmaddubsw Vdq+ Wdq
  66 0F 38 05 phsubw  Vdq+ Wdq
  66 0F 38 06 phsubd  Vdq+ Wdq
  66 0F 38 07 phsubsw Vdq+ Wdq
  66 0F 38 08 psignb  Vdq+ Wdq
  66 0F 38 09 psignw  Vdq+ Wdq
  66 0F 38 0A psignd  Vdq+ Wdq
  66 0F 38 0B pmulhrsw Vdq+ Wdq
  66 0F 38 1C pabsb   Vdq= Wdq
  66 0F 38 1D pabsw   Vdq= Wdq
  66 0F 38 1E pabsd   Vdq= Wdq
  66 0F 38 28 pmuldq  Vdq+ Wdq
  66 0F 38 38 pminsb  Vdq+ Wdq
  66 0F 38 39 pminsd  Vdq+ Wdq
  66 0F 38 3A pminuw  Vdq+ Wdq
  66 0F 38 3B pminud  Vdq+ Wdq
  66 0F 38 3C pmaxsb  Vdq+ Wdq
  66 0F 38 3D pmaxsd  Vdq+ Wdq
  66 0F 38 3E pmaxuw  Vdq+ Wdq
  66 0F 38 3F pmaxud  Vdq+ Wdq
  66 0F 38 40 pmulld  Vdq+ Wdq
  66 0F 38 41 phminposuw Vdq= Wdq
  66 0F 3A 42 mpsadbw Vdq+ Wdq Ib

  # Comparison
  66 0F 64 pcmpgtb    Vdq+ Wdq
  66 0F 65 pcmpgtw    Vdq+ Wdq
  66 0F 66 pcmpgtd    Vdq+ Wdq
  66 0F 74 pcmpeqb    Vdq+ Wdq
  66 0F 75 pcmpeqw    Vdq+ Wdq
  66 0F 76 pcmpeqd    Vdq+ Wdq
  66 0F 38 29 pcmpeqq Vdq+ Wdq
  66 0F 38 37 pcmpgtq Vdq+ Wdq
  66 0F 3A 60 !pcmpestrm Vdq Wdq Ib unaligned w=oszapc
  66 0F 3A 61 !pcmpestri Vdq Wdq Ib unaligned w=oszapc
  66 0F 3A 62 !pcmpistrm Vdq Wdq Ib unaligned w=oszapc
  66 0F 3A 63 !pcmpistri Vdq Wdq Ib unaligned w=oszapc

  # Shifts
  66 0F 71 /2 psrlwImm Udq+ Ib
  66 0F 71 /4 psrawImm Udq+ Ib
  66 0F 71 /6 psllwImm Udq+ Ib
  66 0F 72 /2 psrldImm Udq+ Ib
  66 0F 72 /4 psradImm Udq+ Ib
  66 0F 72 /6 pslldImm Udq+ Ib
  66 0F 73 /2 psrlqImm Udq+ Ib
  66 0F 73 /3 psrldq  Udq+ Ib
  66 0F 73 /6 psllqImm Udq+ Ib
  66 0F 73 /7 pslldq  Udq+ Ib
  66 0F D1 psrlw      Vdq+ Wdq
  66 0F D2 psrld      Vdq+ Wdq
  66 0F D3 psrlq      Vdq+ Wdq
  66 0F E1 psraw      Vdq+ Wdq
  66 0F E2 psrad      Vdq+ Wdq
  66 0F F1 psllw      Vdq+ Wdq
  66 0F F2 pslld      Vdq+ Wdq
  66 0F F3 psllq      Vdq+ Wdq
`)

export const sseInstructions = (): Instruction[] => [
  ...[...integers(), ...sseFloatInstructions()].map((row) => ({
    ...row,
    attributes: new Set([...row.attributes, 'sse', ...(row.attributes.has('unaligned') ? [] : ['aligned'])]),
  })),
  ...mmxInstructions(),
]
