// MMX, and what SSE to SSSE3 added to it. The format is explained in instruction.ts. Every line is `mmx`: it needs
// `mmxUsable()`. Names that end in Mmx are meanings of this form alone (core/mmx.ts); the others are the XMM form's.

import { type Instruction, parseTable } from './instruction.ts'

const rows = (): Instruction[] =>
  parseTable(`
  np 0F 60 punpcklbw  Pq+ Qd
  np 0F 61 punpcklwd  Pq+ Qd
  np 0F 62 punpckldq  Pq+ Qd
  np 0F 63 packsswbMmx Pq+ Qq
  np 0F 64 pcmpgtb    Pq+ Qq
  np 0F 65 pcmpgtw    Pq+ Qq
  np 0F 66 pcmpgtd    Pq+ Qq
  np 0F 67 packuswbMmx Pq+ Qq
  np 0F 68 punpckhbwMmx Pq+ Qq
  np 0F 69 punpckhwdMmx Pq+ Qq
  np 0F 6A punpckhdqMmx Pq+ Qq
  np 0F 6B packssdwMmx Pq+ Qq
  np 0F 6E movd       Pq= Ey
  np 0F 6F movqMmx    Pq= Qq
  np 0F 70 pshuflw    Pq= Qq Ib
  np 0F 71 /2 psrlwImm Nq+ Ib
  np 0F 71 /4 psrawImm Nq+ Ib
  np 0F 71 /6 psllwImm Nq+ Ib
  np 0F 72 /2 psrldImm Nq+ Ib
  np 0F 72 /4 psradImm Nq+ Ib
  np 0F 72 /6 pslldImm Nq+ Ib
  np 0F 73 /2 psrlqImm Nq+ Ib
  np 0F 73 /6 psllqImm Nq+ Ib
  np 0F 74 pcmpeqb    Pq+ Qq
  np 0F 75 pcmpeqw    Pq+ Qq
  np 0F 76 pcmpeqd    Pq+ Qq
  np 0F 77 emms
  np 0F 7E movdMmxStore Ey= Pq
  np 0F 7F movqMmx    Qq= Pq
  np 0F C4 !r pinsrwMmx Pq+ Rd Ib  plain
  np 0F C4 !m pinsrwMmx Pq+ Ew Ib  plain
  np 0F C5 pextrwMmx  Gd= Nq Ib    plain
  np 0F D1 psrlw      Pq+ Qq
  np 0F D2 psrld      Pq+ Qq
  np 0F D3 psrlq      Pq+ Qq
  np 0F D4 paddq      Pq+ Qq
  np 0F D5 pmullw     Pq+ Qq
  np 0F D7 pmovmskbMmx Gd= Nq      plain
  np 0F D8 psubusb    Pq+ Qq
  np 0F D9 psubusw    Pq+ Qq
  np 0F DA pminub     Pq+ Qq
  np 0F DB pand       Pq+ Qq
  np 0F DC paddusb    Pq+ Qq
  np 0F DD paddusw    Pq+ Qq
  np 0F DE pmaxub     Pq+ Qq
  np 0F DF pandn      Pq+ Qq
  np 0F E0 pavgb      Pq+ Qq
  np 0F E1 psraw      Pq+ Qq
  np 0F E2 psrad      Pq+ Qq
  np 0F E3 pavgw      Pq+ Qq
  np 0F E4 pmulhuw    Pq+ Qq
  np 0F E5 pmulhw     Pq+ Qq
  np 0F E7 !m movqMmx Qq= Pq
  np 0F E8 psubsb     Pq+ Qq
  np 0F E9 psubsw     Pq+ Qq
  np 0F EA pminsw     Pq+ Qq
  np 0F EB por        Pq+ Qq
  np 0F EC paddsb     Pq+ Qq
  np 0F ED paddsw     Pq+ Qq
  np 0F EE pmaxsw     Pq+ Qq
  np 0F EF pxor       Pq+ Qq
  np 0F F1 psllw      Pq+ Qq
  np 0F F2 pslld      Pq+ Qq
  np 0F F3 psllq      Pq+ Qq
  np 0F F4 pmuludq    Pq+ Qq
  np 0F F5 pmaddwd    Pq+ Qq
  np 0F F6 psadbw     Pq+ Qq
  np 0F F7 !maskmovq  Pq Nq
  np 0F F8 psubb      Pq+ Qq
  np 0F F9 psubw      Pq+ Qq
  np 0F FA psubd      Pq+ Qq
  np 0F FB psubq      Pq+ Qq
  np 0F FC paddb      Pq+ Qq
  np 0F FD paddw      Pq+ Qq
  np 0F FE paddd      Pq+ Qq
  f3 0F D6 movq2dq    Vdq= Nq      sse
  f2 0F D6 movdq2q    Pq= Uq       sse
  np 0F 38 00 pshufbMmx Pq+ Qq
  np 0F 38 01 phaddwMmx Pq+ Qq
  np 0F 38 02 phadddMmx Pq+ Qq
  np 0F 38 03 phaddswMmx Pq+ Qq
  np 0F 38 04 pmaddubsw Pq+ Qq
  np 0F 38 05 phsubwMmx Pq+ Qq
  np 0F 38 06 phsubdMmx Pq+ Qq
  np 0F 38 07 phsubswMmx Pq+ Qq
  np 0F 38 08 psignb  Pq+ Qq
  np 0F 38 09 psignw  Pq+ Qq
  np 0F 38 0A psignd  Pq+ Qq
  np 0F 38 0B pmulhrsw Pq+ Qq
  np 0F 38 1C pabsb   Pq= Qq
  np 0F 38 1D pabsw   Pq= Qq
  np 0F 38 1E pabsd   Pq= Qq
  np 0F 3A 0F palignrMmx Pq+ Qq Ib
`)

export const mmxInstructions = (): Instruction[] =>
  rows().map((row) => ({
    ...row,
    attributes: new Set([...row.attributes, 'mmx']),
  }))
