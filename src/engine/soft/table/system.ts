// System instructions: privileged ones, descriptor tables, control registers, entry to and exit from the kernel.
// SDM volume 3, 2.8 and chapter 6. The format is explained in instruction.ts.

import { type Instruction, parseTable } from './instruction.ts'

/** These need nothing of what the others do. */
const ORDINARY = new Set(['nopE', 'ldmxcsr', 'stmxcsr', 'swapgs', 'cli'])

const rows = (): Instruction[] =>
  parseTable(`
  6C  !ins        Ab       notest=port-io
  6D  !ins        Az       notest=port-io
  6E  !outs       Ab       notest=port-io
  6F  !outs       Az       notest=port-io
  E4  !inImm      Ab Ib    notest=port-io
  E5  !inImm      Az Ib    notest=port-io
  E6  !outImm     Ab Ib    notest=port-io
  E7  !outImm     Az Ib    notest=port-io
  EC  !inDx       Ab       notest=port-io
  ED  !inDx       Az       notest=port-io
  EE  !outDx      Ab       notest=port-io
  EF  !outDx      Az       notest=port-io
  F4  !hlt        cpl0 end notest=system
  FA  !cli        notest=system
  FB  !sti        end notest=system

  0F 00 /0 !sldt  Ev       notest=system
  0F 00 /1 !str   Ev       notest=system
  0F 00 /2 !lldt  Ew       cpl0 notest=system
  0F 00 /3 !ltr   Ew       cpl0 notest=system
  0F 00 /4 !verr  Ew       notest=system
  0F 00 /5 !verw  Ew       notest=system
  0F 01 /0!m !sgdt Ev      notest=system
  0F 01 /1!m !sidt Ev      notest=system
  0F 01 /2!m !lgdt Ev      cpl0 notest=system
  0F 01 /3!m !lidt Ev      cpl0 notest=system
  0F 01 /4 !smsw  Ev       notest=system
  0F 01 /6 !lmsw  Ew       cpl0 end notest=system
  0F 01 /7!m !invlpg Ev    cpl0 end notest=system
  0F 01 /7:0 !swapgs       cpl0 notest=system
  0F 01 /7:1 !rdtscp       notest=time
  0F 02 !lar      Gv= Ew   w=z notest=descriptors
  0F 03 !lsl      Gv= Ew   w=z notest=descriptors
  0F 05 !syscall  end notest=system
  0F 06 !clts     cpl0 notest=system
  0F 07 !sysret   Av cpl0 end notest=system
  0F 08 !invd     cpl0 notest=system
  0F 09 !wbinvd   cpl0 notest=system
  0F 20 !movFromCr Rq Xd   cpl0 f64 notest=system
  0F 21 !movFromDr Rq Xd   cpl0 f64 notest=system
  0F 22 !movToCr   Rq Xd   cpl0 f64 end notest=system
  0F 23 !movToDr   Rq Xd   cpl0 f64 end notest=system
  0F 30 !wrmsr    cpl0 end notest=system
  0F 31 !rdtsc    notest=time
  0F 32 !rdmsr    cpl0 notest=system
  0F 33 !rdpmc    notest=system
  0F A0 !pushSegment Av d64
  0F A1 !popSegment  Av d64 end notest=segment
  0F A2 !cpuid    notest=identity
  0F A8 !pushSegment Av d64
  0F A9 !popSegment  Av d64 end notest=segment
  0F B2 !m !loadFar  Gv= Ev end notest=descriptors
  0F B4 !m !loadFar  Gv= Ev end notest=descriptors
  0F B5 !m !loadFar  Gv= Ev end notest=descriptors
  np 0F AE /0!m !fxsave  Ev   sized
  np 0F AE /1!m !fxrstor Ev   sized
  np 0F AE /2!m !ldmxcsr Ed
  np 0F AE /3!m !stmxcsr Ed
  np 0F AE /7!m !nopE     Ev
  np 0F AE /5!r !nopE    Ev
  np 0F AE /6!r !nopE    Ev
  np 0F AE /7!r !nopE    Ev
`)

/**
 * The translator leaves all but a few of these to the interpreter, and goes on behind them: so they end a block of code
 * even where the interpreter would not need it.
 */
export const systemInstructions = (): Instruction[] =>
  rows().map((row) =>
    ORDINARY.has(row.name) ? row : { ...row, attributes: new Set([...row.attributes, 'end']) },
  )
