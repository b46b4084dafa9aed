// General-purpose instructions, in the order of the SDM's one-byte and two-byte opcode maps (volume 2, A.3).
// The format is explained in instruction.ts.

import { type Instruction, parseTable } from './instruction.ts'

/** The eight operations that share their encodings: opcode = 8 × position. */
const ARITHMETIC = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp']

function arithmetic(): string {
  return ARITHMETIC.map((name, i) => {
    const at = (low: number): string => (i * 8 + low).toString(16).padStart(2, '0').toUpperCase()
    const to = name === 'cmp' ? '' : '+'
    const logic = name === 'and' || name === 'or' || name === 'xor'
    const flags = `${logic ? 'w=oszpc u=a' : 'w=oszapc'}${name === 'adc' || name === 'sbb' ? ' r=c' : ''}`
    const lock = name === 'cmp' ? '' : ' lock'
    return `
      ${at(0)} ${name} Eb${to} Gb ${flags}${lock}
      ${at(1)} ${name} Ev${to} Gv ${flags}${lock}
      ${at(2)} ${name} Gb${to} Eb ${flags}
      ${at(3)} ${name} Gv${to} Ev ${flags}
      ${at(4)} ${name} Ab${to} Ib ${flags}
      ${at(5)} ${name} Av${to} Iz ${flags}
      80 /${i} ${name} Eb${to} Ib ${flags}${lock}
      81 /${i} ${name} Ev${to} Iz ${flags}${lock}
      83 /${i} ${name} Ev${to} Is ${flags}${lock}`
  }).join('\n')
}

/** Shifts and rotates: ModRM.reg selects. Flags depend on the count; the meanings and the tests know how. */
const SHIFTS: [number, string, string][] = [
  [0, 'rol', 'w=oc'],
  [1, 'ror', 'w=oc'],
  [2, 'rcl', 'w=oc r=c'],
  [3, 'rcr', 'w=oc r=c'],
  [4, 'shl', 'w=oszpc u=a'],
  [5, 'shr', 'w=oszpc u=a'],
  [6, 'shl', 'w=oszpc u=a'],
  [7, 'sar', 'w=oszpc u=a'],
]

function shifts(): string {
  return SHIFTS.map(
    ([digit, name, flags]) => `
      C0 /${digit} ${name} Eb+ Ib ${flags}
      C1 /${digit} ${name} Ev+ Ib ${flags}
      D0 /${digit} ${name} Eb+ 1 ${flags}
      D1 /${digit} ${name} Ev+ 1 ${flags}
      D2 /${digit} ${name} Eb+ C ${flags}
      D3 /${digit} ${name} Ev+ C ${flags}`,
  ).join('\n')
}

const CONDITION_FLAGS = ['o', 'c', 'z', 'cz', 's', 'p', 'so', 'soz']

/** Jcc, SETcc and CMOVcc: sixteen conditions each. */
function conditions(): string {
  let text = ''
  for (let code = 0; code < 16; code++) {
    const low = code.toString(16).toUpperCase()
    const r = `r=${CONDITION_FLAGS[code >> 1]}`
    text += `
      7${low} !jcc Jb cc end f64 ${r}
      0F 8${low} !jcc Jz cc end f64 ${r}
      0F 9${low} setcc Eb= cc plain ${r}
      0F 4${low} cmov Gv+ Ev cc ${r}`
  }
  return text
}

export const integerInstructions = (): Instruction[] =>
  parseTable(`
  ${arithmetic()}
  ${shifts()}
  ${conditions()}

  50  !push       Zv  d64
  58  !pop        Zv= d64
  63  movsxd      Gv= Ed
  68  !pushImm    Iz  d64
  69  imul3       Gv= Ev Iz   w=oc u=szap
  6A  !pushImm    Is  d64
  6B  imul3       Gv= Ev Is   w=oc u=szap
  84  test        Eb Gb       w=oszpc u=a
  85  test        Ev Gv       w=oszpc u=a
  86  !xchg       Eb+ Gb+     lock
  87  !xchg       Ev+ Gv+     lock
  88  mov         Eb= Gb
  89  mov         Ev= Gv
  8A  mov         Gb= Eb
  8B  mov         Gv= Ev
  8C  !movFromSegment Ev= Sw
  8D !m lea      Gv= M
  8E  !movToSegment   Sw Ev    end notest=loads-descriptors
  8F /0 !popE     Ev=  d64
  90  !xchgA      Zv
  98  !cbw        Av
  99  !cwd        Av
  9B  !fwait
  9C  !pushf      Av  d64
  9D  !popf       Av  d64 end
  9E  sahf        w=szapc
  9F  lahf        r=szapc
  A0  mov         Ab= Ob
  A1  mov         Av= Ov
  A2  mov         Ob= Ab
  A3  mov         Ov= Av
  A4  !movs       Ab
  A5  !movs       Av
  A6  !cmps       Ab          w=oszapc
  A7  !cmps       Av          w=oszapc
  A8  test        Ab Ib       w=oszpc u=a
  A9  test        Av Iz       w=oszpc u=a
  AA  !stos       Ab
  AB  !stos       Av
  AC  !lods       Ab
  AD  !lods       Av
  AE  !scas       Ab          w=oszapc
  AF  !scas       Av          w=oszapc
  B0  mov         Zb= Ib
  B8  mov         Zv= Iv
  C2  !ret        Iw  f64 end
  C3  !ret            f64 end
  C6 /0 mov       Eb= Ib
  C7 /0 mov       Ev= Iz
  C8  !enter      Iwb d64 sized
  C9  !leave      Av  d64
  CA  !retFar     Iw  sized end notest=far-transfer
  CB  !retFar         sized end notest=far-transfer
  CC  !int3           end notest=trap
  CD  !int        Ib  end notest=software-interrupt
  CF  !iret       Av  end notest=system
  D7  !xlat
  D8  !r !x87Register Ed
  D8  !m !x87Memory   Ed
  D9  !r !x87Register Ed
  D9  !m !x87Memory   Ed
  DA  !r !x87Register Ed
  DA  !m !x87Memory   Ed
  DB  !r !x87Register Ed
  DB  !m !x87Memory   Ed
  DC  !r !x87Register Ed
  DC  !m !x87Memory   Ed
  DD  !r !x87Register Ed
  DD  !m !x87Memory   Ed
  DE  !r !x87Register Ed
  DE  !m !x87Memory   Ed
  DF  !r !x87Register Ed
  DF  !m !x87Memory   Ed
  E0  !loopne     Jb  f64 end r=z
  E1  !loope      Jb  f64 end r=z
  E2  !loop       Jb  f64 end
  E3  !jrcxz      Jb  f64 end
  E8  !call       Jz  f64 end
  E9  !jmp        Jz  f64 end
  EB  !jmp        Jb  f64 end
  F1  !int1           end notest=trap
  F5  cmc         w=c r=c
  F6 /0 test      Eb Ib       w=oszpc u=a
  F6 /1 test      Eb Ib       w=oszpc u=a
  F6 /2 not       Eb+         lock
  F6 /3 neg       Eb+         lock w=oszapc
  F6 /4 !mul      Eb          w=oc u=szap
  F6 /5 !imul1    Eb          w=oc u=szap
  F6 /6 !div      Eb          u=oszapc
  F6 /7 !idiv     Eb          u=oszapc
  F7 /0 test      Ev Iz       w=oszpc u=a
  F7 /1 test      Ev Iz       w=oszpc u=a
  F7 /2 not       Ev+         lock
  F7 /3 neg       Ev+         lock w=oszapc
  F7 /4 !mul      Ev          w=oc u=szap
  F7 /5 !imul1    Ev          w=oc u=szap
  F7 /6 !div      Ev          u=oszapc
  F7 /7 !idiv     Ev          u=oszapc
  F8  clc         w=c
  F9  stc         w=c
  FC  cld
  FD  std
  FE /0 inc       Eb+         lock w=oszap
  FE /1 dec       Eb+         lock w=oszap
  FF /0 inc       Ev+         lock w=oszap
  FF /1 dec       Ev+         lock w=oszap
  FF /2 !callE    Ev          f64 end
  FF /3!m !callFar Ev         end notest=far-transfer
  FF /4 !jmpE     Ev          f64 end
  FF /5!m !jmpFar Ev          end notest=far-transfer
  FF /6 !pushE    Ev          d64

  0F 0B !ud2      end
  0F 0D !m !nopE   Ev
  0F 18 !nopE      Ev
  0F 19 !nopE      Ev
  0F 1A !nopE      Ev
  0F 1B !nopE      Ev
  0F 1C !nopE      Ev
  0F 1D !nopE      Ev
  0F 1E !nopE      Ev
  0F 1F !nopE      Ev
  0F A3 !bt       Ev Gv       w=c u=oszap
  0F A4 shld      Ev+ Gv Ib   w=oszpc u=a
  0F A5 shld      Ev+ Gv C    w=oszpc u=a
  0F AB !bts      Ev+ Gv      lock w=c u=oszap
  0F AC shrd      Ev+ Gv Ib   w=oszpc u=a
  0F AD shrd      Ev+ Gv C    w=oszpc u=a
  0F AF imul2     Gv+ Ev      w=oc u=szap
  0F B0 !cmpxchg  Eb+ Gb      lock w=oszapc
  0F B1 !cmpxchg  Ev+ Gv      lock w=oszapc
  0F B3 !btr      Ev+ Gv      lock w=c u=oszap
  0F B6 movzx     Gv= Eb
  0F B7 movzx     Gv= Ew
  f3 0F B8 popcnt_ Gv= Ev      w=oszapc
  0F B9 !ud1      Ev end
  0F BA /4 btImm  Ev Ib       w=c u=oszap
  0F BA /5 btsImm Ev+ Ib      lock w=c u=oszap
  0F BA /6 btrImm Ev+ Ib      lock w=c u=oszap
  0F BA /7 btcImm Ev+ Ib      lock w=c u=oszap
  0F BB !btc      Ev+ Gv      lock w=c u=oszap
  0F BC bsf       Gv+ Ev      w=z u=oscap
  0F BD bsr       Gv+ Ev      w=z u=oscap
  0F BE movsx     Gv= Eb
  0F BF movsx     Gv= Ew
  0F C0 !xadd     Eb+ Gb+     lock w=oszapc
  0F C1 !xadd     Ev+ Gv+     lock w=oszapc
  np 0F C3 !m mov Ey= Gy
  0F C7 /1!m !cmpxchg8b Ev+   lock w=z sized
  0F C8 bswap     Zv+
  0F FF !ud0      Ev end
  f2 0F 38 F0 crc32 Gd+ Eb
  f2 0F 38 F1 crc32 Gd+ Ev
`)
