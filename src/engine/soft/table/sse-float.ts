// SSE, SSE2, SSE3 and SSE4.1: floating point. The format is explained in instruction.ts; `simd` marks what may
// raise #XM. What sse.ts adds to its own lines it adds to these.

import { type Instruction, parseTable } from './instruction.ts'

export const sseFloatInstructions = (): Instruction[] =>
  parseTable(`
  # Arithmetic
  np 0F 51 sqrtps     Vps= Wps     simd
  66 0F 51 sqrtpd     Vpd= Wpd     simd
  f3 0F 51 sqrtss     Vss= Wss     simd
  f2 0F 51 sqrtsd     Vsd= Wsd     simd
  np 0F 52 rsqrtps    Vps= Wps     notest=approximation
  f3 0F 52 rsqrtss    Vss= Wss     notest=approximation
  np 0F 53 rcpps      Vps= Wps     notest=approximation
  f3 0F 53 rcpss      Vss= Wss     notest=approximation
  np 0F 58 addps      Vps+ Wps     simd
  66 0F 58 addpd      Vpd+ Wpd     simd
  f3 0F 58 addss      Vss+ Wss     simd
  f2 0F 58 addsd      Vsd+ Wsd     simd
  np 0F 59 mulps      Vps+ Wps     simd
  66 0F 59 mulpd      Vpd+ Wpd     simd
  f3 0F 59 mulss      Vss+ Wss     simd
  f2 0F 59 mulsd      Vsd+ Wsd     simd
  np 0F 5C subps      Vps+ Wps     simd
  66 0F 5C subpd      Vpd+ Wpd     simd
  f3 0F 5C subss      Vss+ Wss     simd
  f2 0F 5C subsd      Vsd+ Wsd     simd
  np 0F 5E divps      Vps+ Wps     simd
  66 0F 5E divpd      Vpd+ Wpd     simd
  f3 0F 5E divss      Vss+ Wss     simd
  f2 0F 5E divsd      Vsd+ Wsd     simd
  66 0F 7C haddpd     Vpd+ Wpd     simd
  f2 0F 7C haddps     Vps+ Wps     simd
  66 0F 7D hsubpd     Vpd+ Wpd     simd
  f2 0F 7D hsubps     Vps+ Wps     simd
  66 0F D0 addsubpd   Vpd+ Wpd     simd
  f2 0F D0 addsubps   Vps+ Wps     simd
  66 0F 3A 40 dpps    Vps+ Wps Ib  simd
  66 0F 3A 41 dppd    Vpd+ Wpd Ib  simd

  # Comparison
  np 0F 2E ucomiss    Vss Wss      simd w=oszapc
  66 0F 2E ucomisd    Vsd Wsd      simd w=oszapc
  np 0F 2F comiss     Vss Wss      simd w=oszapc
  66 0F 2F comisd     Vsd Wsd      simd w=oszapc
  np 0F 5D minps      Vps+ Wps     simd
  66 0F 5D minpd      Vpd+ Wpd     simd
  f3 0F 5D minss      Vss+ Wss     simd
  f2 0F 5D minsd      Vsd+ Wsd     simd
  np 0F 5F maxps      Vps+ Wps     simd
  66 0F 5F maxpd      Vpd+ Wpd     simd
  f3 0F 5F maxss      Vss+ Wss     simd
  f2 0F 5F maxsd      Vsd+ Wsd     simd
  np 0F C2 cmpps      Vps+ Wps Ib  simd
  66 0F C2 cmppd      Vpd+ Wpd Ib  simd
  f3 0F C2 cmpss      Vss+ Wss Ib  simd
  f2 0F C2 cmpsd      Vsd+ Wsd Ib  simd

  # Conversion
  np 0F 2A !r cvtpi2ps Vq= Qq      simd mmx
  np 0F 2A !m cvtpi2psLoad Vq= Wq  simd
  66 0F 2A !r cvtpi2pd Vpd= Qq     mmx
  66 0F 2A !m cvtdq2pd Vpd= Wq
  f3 0F 2A cvtsi2ss   Vss= Ey      simd
  f2 0F 2A cvtsi2sd   Vsd= Ey      simd
  np 0F 2C cvttps2pi  Pq= Wq       simd mmx
  66 0F 2C cvttpd2dq  Pq= Wpd      simd mmx
  f3 0F 2C cvttss2si  Gy= Wss      simd
  f2 0F 2C cvttsd2si  Gy= Wsd      simd
  np 0F 2D cvtps2pi   Pq= Wq       simd mmx
  66 0F 2D cvtpd2dq   Pq= Wpd      simd mmx
  f3 0F 2D cvtss2si   Gy= Wss      simd
  f2 0F 2D cvtsd2si   Gy= Wsd      simd
  np 0F 5A cvtps2pd   Vpd= Wq      simd
  66 0F 5A cvtpd2ps   Vps= Wpd     simd
  f3 0F 5A cvtss2sd   Vsd= Wss     simd
  f2 0F 5A cvtsd2ss   Vss= Wsd     simd
  np 0F 5B cvtdq2ps   Vps= Wdq     simd
  66 0F 5B cvtps2dq   Vdq= Wps     simd
  f3 0F 5B cvttps2dq  Vdq= Wps     simd
  66 0F E6 cvttpd2dq  Vdq= Wpd     simd
  f3 0F E6 cvtdq2pd   Vpd= Wq
  f2 0F E6 cvtpd2dq   Vdq= Wpd     simd
  66 0F 3A 08 roundps Vps= Wps Ib  simd
  66 0F 3A 09 roundpd Vpd= Wpd Ib  simd
  66 0F 3A 0A roundss Vss= Wss Ib  simd
  66 0F 3A 0B roundsd Vsd= Wsd Ib  simd
`)
