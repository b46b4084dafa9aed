// The instruction table's format: one line of text an instruction, in the notation of the SDM's opcode maps.
//
//     0F AF      imul     Gv+ Ev            w=oc u=szap
//     ^ opcode   ^ name   ^ operands        ^ attributes
//
// Opcode    bytes in hex; `/n` selects by ModRM.reg, `/n!r` or `/n!m` only the register or memory form,
//           `/n:k` ModRM.reg and ModRM.rm of a register form. A prefix `np`, `66`, `f2` or `f3` before it makes that prefix
//           part of the opcode; a line without one accepts (and ignores) them all.
// Operands  SDM appendix A.2: E G Z(opcode's low bits) I O M A(rAX) and sizes b w d q v(16/32/64) y(32/64) z;
//           V W (XMM), P Q (MMX) carry sizes ss sd ps dq q d; `Is` is a sign-extended 8-bit immediate,
//           `C` is CL, `1` the constant. A trailing `+` is read and written, `=` written, none is read.
// Name      the meaning: a function of that name in core/, given the read operands and returning the written one.
//           `!name` means a function that takes the decoded operation and does everything itself.
// Attributes  w=… flags written, u=… flags left undefined, r=… flags read (of o s z a p c);
//           lock: LOCK is allowed; d64: operand size defaults to 64; f64: is always 64;
//           cc: the opcode's low four bits are a condition; end: ends a block of code;
//           sse, mmx: may the unit be used now? aligned: operands of 16 bytes in memory must be; simd: floats
//           that may raise #XM; plain: the meaning has no type parameters;
//           cpl0: #GP outside of ring 0; notest=…: why no generated differential test exists.
//
// From these lines come the decoder's tables and the interpreter's handlers (generate.ts), and the test
// generator's cases (test/engine/soft/). Adding an instruction is adding a line and its meaning.

export type OpcodeMap = 0 | 1 | 2 | 3
export type MandatoryPrefix = 'any' | 'np' | '66' | 'f3' | 'f2'
export type OperandAccess = 'r' | 'w' | 'rw'

export interface Operand {
  /** The SDM's letter: where the operand is. */
  readonly kind: string
  /** The SDM's size letters. */
  readonly size: string
  readonly access: OperandAccess
}

export interface Instruction {
  readonly line: string
  /** 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A. */
  readonly map: OpcodeMap
  readonly opcode: number
  readonly prefix: MandatoryPrefix
  readonly digit: number | undefined
  readonly form: 'r' | 'm' | undefined
  readonly rm: number | undefined
  readonly name: string
  readonly custom: boolean
  readonly operands: readonly Operand[]
  readonly flags: { readonly written: string; readonly undefined: string; readonly read: string }
  readonly attributes: ReadonlySet<string>
  readonly notest: string | undefined
}

/** Reads lines in the format above; throws on a malformed one (a programming error). */
export function parseTable(text: string): Instruction[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map(parseLine)
}

function parseLine(line: string): Instruction {
  const words = line.split(/\s+/)
  let prefix: MandatoryPrefix = 'any'
  if (/^(np|f2|f3|66)$/.test(words[0]!)) prefix = words.shift() as MandatoryPrefix
  const bytes: number[] = []
  while (/^[0-9A-F]{2}$/.test(words[0] ?? '')) bytes.push(Number.parseInt(words.shift()!, 16))
  const map =
    bytes.length === 1
      ? 0
      : bytes.length === 2 && bytes[0] === 0x0f
        ? 1
        : bytes[1] === 0x38
          ? 2
          : bytes[1] === 0x3a
            ? 3
            : undefined
  if (map === undefined) throw new Error(`bad opcode: ${line}`)
  let digit: number | undefined
  let form: 'r' | 'm' | undefined
  let rm: number | undefined
  const selector = /^\/([0-7])(?:!([rm]))?(?::([0-7]))?$|^!([rm])$/.exec(words[0] ?? '')
  if (selector) {
    words.shift()
    if (selector[1] !== undefined) digit = Number(selector[1])
    form = (selector[2] ?? selector[4]) as 'r' | 'm' | undefined
    if (selector[3] !== undefined) {
      rm = Number(selector[3])
      form = 'r'
    }
  }
  const rawName = words.shift()
  if (rawName === undefined) throw new Error(`no name: ${line}`)
  const operands: Operand[] = []
  const attributes = new Set<string>()
  let written = ''
  let undef = ''
  let read = ''
  let notest: string | undefined
  for (const word of words) {
    const assignment = /^(w|u|r|notest)=(.*)$/.exec(word)
    if (assignment?.[1] === 'w') written = assignment[2]!
    else if (assignment?.[1] === 'u') undef = assignment[2]!
    else if (assignment?.[1] === 'r') read = assignment[2]!
    else if (assignment?.[1] === 'notest') notest = assignment[2]!
    else if (/^[A-Z1]/.test(word)) operands.push(parseOperand(word, line))
    else attributes.add(word)
  }
  return {
    line,
    map,
    opcode: bytes[bytes.length - 1]!,
    prefix,
    digit,
    form,
    rm,
    name: rawName.replace(/^!/, ''),
    custom: rawName.startsWith('!'),
    operands,
    flags: { written, undefined: undef, read },
    attributes,
    notest,
  }
}

function parseOperand(word: string, line: string): Operand {
  const match = /^([A-Z1])([a-z0-9]*)([+=]?)$/.exec(word)
  if (!match) throw new Error(`bad operand ${word}: ${line}`)
  return { kind: match[1]!, size: match[2]!, access: match[3] === '+' ? 'rw' : match[3] === '=' ? 'w' : 'r' }
}
