// The instructions of assembly.ts, one kind a function: each writes something with random operands, and tells the flags.

import { setsFlags, simdLines } from './assembly-simd.ts'
import { HIGH, REACH, REGISTERS, SIZES, type Size, WIDTH, type Writer } from './assembly-writer.ts'

/** By how often they are taken. */
export const instructions: readonly (readonly [times: number, write: (w: Writer) => void])[] = [
  [5, arithmetic],
  [2, shift],
  [1, doubleShift],
  [1, multiply],
  [1, bits],
  [3, conditional],
  [1, unary],
  [2, move],
  [1, wholeFlags],
  [1, string],
  [1, exchange],
  [1, stack],
  [2, vector],
  [1, odd],
]

export function arithmetic(w: Writer): void {
  const size = w.random.pick(SIZES)
  const name = w.random.pick(['add', 'sub', 'adc', 'sbb', 'and', 'or', 'xor', 'cmp', 'test', 'adc', 'sbb'])
  if ((name === 'adc' || name === 'sbb') && !w.flags.has('C')) w.say(w.random.pick(['clc', 'stc']))
  if (name === 'adc' || name === 'sbb') w.flags.define('C')
  let [from, to] = w.operands(size)
  // TEST has no form that loads into a register.
  if (name === 'test' && from.includes('(')) [from, to] = [to, from]
  w.access(`${name}${size} ${from}, ${to}`)
  if (['and', 'or', 'xor', 'test'].includes(name)) w.flags.logic()
  else w.flags.all()
}

function shift(w: Writer): void {
  const size = w.random.pick(SIZES)
  const name = w.random.pick(['shl', 'shr', 'sar', 'rol', 'ror', 'rcl', 'rcr'])
  const throughCarry = name.startsWith('rc')
  if (throughCarry && !w.flags.has('C')) {
    w.say('stc')
    w.flags.define('C')
  }
  const to = w.random.below(4) === 0 ? w.memory() : w.register(size)
  const byRegister = w.random.below(3) === 0
  const count = w.random.below(3) === 0 ? 1 : w.random.below(64)
  w.access(`${name}${size} ${byRegister ? '%cl' : `$${count}`}, ${to}`)
  const masked = count & (size === 'q' ? 63 : 31)
  if (byRegister) {
    // Perhaps by nothing: then the flags are those of before.
    w.flags.undefine('O')
    if (!name.startsWith('r')) {
      w.flags.undefine('A')
      if (WIDTH[size] < 32) w.flags.undefine('C')
    }
  } else if (masked > 0) {
    if (name.startsWith('r')) w.flags.define('C')
    else if (masked < WIDTH[size] || name === 'sar') w.flags.only('C', 'P', 'Z', 'S')
    else w.flags.only('P', 'Z', 'S')
    if (masked === 1) w.flags.define('O')
    else w.flags.undefine('O')
  }
}

function doubleShift(w: Writer): void {
  const size = w.random.pick(['l', 'q'] as const)
  const to = w.random.below(3) === 0 ? w.memory() : w.register(size)
  const name = w.random.pick(['shld', 'shrd'])
  if (w.random.below(3) === 0) {
    w.access(`${name}${size} %cl, ${w.register(size)}, ${to}`)
    w.flags.undefine('O', 'A')
    return
  }
  const count = 1 + w.random.below(WIDTH[size] - 1)
  w.access(`${name}${size} $${count}, ${w.register(size)}, ${to}`)
  w.flags.only('C', 'P', 'Z', 'S')
  if (count === 1) w.flags.define('O')
}

function multiply(w: Writer): void {
  const size = w.random.pick(['w', 'l', 'q'] as const)
  const [to, from] = [w.register(size), w.random.below(2) === 0 ? w.memory() : w.register(size)]
  switch (w.random.below(4)) {
    case 0:
      w.access(`imul${size} ${from}, ${to}`)
      break
    case 1:
      w.access(`imul${size} ${w.immediate(size)}, ${from}, ${to}`)
      break
    case 2:
      w.access(`${w.random.pick(['mul', 'imul'])}${size} ${from}`)
      break
    default:
      divide(w)
      return
  }
  w.flags.only('C', 'O')
}

/** An odd divisor, and nothing above the dividend. */
function divide(w: Writer): void {
  const divisor = w.random.pick(['%rbx', '%rsi', '%r8', '%r13'])
  w.say(`orq $1, ${divisor}\nxorl %edx, %edx\ndivq ${divisor}`)
  w.flags.only()
}

function bits(w: Writer): void {
  const size = w.random.pick(['l', 'q'] as const)
  switch (w.random.below(4)) {
    case 0: {
      const name = w.random.pick(['bt', 'bts', 'btr', 'btc'])
      const to = w.random.below(3) === 0 ? w.memory() : w.register(size)
      const immediate = to.includes('(') || w.random.below(2) === 0
      w.access(`${name}${size} ${immediate ? `$${w.random.below(64)}` : w.register(size)}, ${to}`)
      w.flags.undefine('P', 'A', 'S', 'O')
      w.flags.define('C')
      break
    }
    case 1: {
      const from = w.register(size)
      w.say(`or${size} $${1 << w.random.below(30)}, ${from}`)
      w.say(`${w.random.pick(['bsf', 'bsr'])}${size} ${from}, ${w.register(size)}`)
      w.flags.only('Z')
      break
    }
    case 2:
      w.access(
        `popcnt${size} ${w.random.below(2) === 0 ? w.memory() : w.register(size)}, ${w.register(size)}`,
      )
      w.flags.all()
      break
    default:
      w.say(`bswap${size} ${w.register(size)}`)
  }
}

function conditional(w: Writer): void {
  const codes = w.flags.conditions()
  if (codes.length === 0) {
    arithmetic(w)
    return
  }
  const code = w.random.pick(codes)
  if (w.random.below(2) === 0) {
    const to = w.random.below(4) === 0 ? w.memory() : w.random.pick([w.register('b'), ...HIGH])
    w.access(`set${code} ${to}`)
    return
  }
  const size = w.random.pick(['w', 'l', 'q'] as const)
  const from = w.random.below(3) === 0 ? w.memory() : w.register(size)
  w.access(`cmov${code}${size} ${from}, ${w.register(size)}`)
}

function unary(w: Writer): void {
  const size = w.random.pick(SIZES)
  const name = w.random.pick(['inc', 'dec', 'neg', 'not'])
  w.access(`${name}${size} ${w.random.below(4) === 0 ? w.memory() : w.register(size)}`)
  if (name === 'neg') w.flags.all()
  else if (name !== 'not') w.flags.define('P', 'A', 'Z', 'S', 'O')
}

function move(w: Writer): void {
  const size = w.random.pick(SIZES)
  const scale = w.random.pick([1, 2, 4, 8])
  const wide = w.random.pick(['w', 'l', 'q'] as const)
  const from = w.random.below(2) === 0
  switch (w.random.below(6)) {
    case 0: {
      const [source, to] = w.operands(size)
      w.access(`mov${size} ${source}, ${to}`)
      break
    }
    case 1: {
      const kind = w.random.pick([
        'zbw',
        'zbl',
        'zbq',
        'zwl',
        'zwq',
        'sbw',
        'sbl',
        'sbq',
        'swl',
        'swq',
        'slq',
      ])
      const [narrow, to] = [kind[1] as Size, kind[2] as Size]
      w.access(`mov${kind} ${from ? w.memory() : w.register(narrow)}, ${w.register(to)}`)
      break
    }
    case 2:
      w.say(
        `lea${wide} ${w.random.below(500) - 250}(${w.register()},${w.register()},${scale}), ${w.register(wide)}`,
      )
      break
    case 3: {
      // An index, brought within reach.
      const index = w.random.pick(REGISTERS)
      w.say(`andl $${Math.floor(128 / scale) - 1}, ${index.l}`)
      w.flags.logic()
      const place = `${w.random.below(REACH / 2)}(%r14,${index.q},${scale})`
      w.access(from ? `mov${size} ${place}, ${w.register(size)}` : `mov${size} ${w.register(size)}, ${place}`)
      break
    }
    case 4:
      w.say(`movabsq $0x${w.random.uint64().toString(16)}, ${w.register()}`)
      break
    default:
      w.say(w.random.pick(['cbtw', 'cwtl', 'cltq', 'cwtd', 'cltd', 'cqto']))
  }
}

/** All flags at once: to AH and back, to the stack and back. */
function wholeFlags(w: Writer): void {
  switch (w.random.below(4)) {
    case 0:
      if (!w.flags.has('S', 'Z', 'A', 'P', 'C')) {
        arithmetic(w)
        return
      }
      w.say('lahf')
      break
    case 1:
      w.say('sahf')
      w.flags.define('S', 'Z', 'A', 'P', 'C')
      break
    case 2:
      w.say(`pushfq\nandq $${w.flags.mask()}, (%rsp)\npopq ${w.register()}`)
      w.flags.logic()
      break
    default:
      w.say(`pushq ${w.register()}\nandq $0x8d5, (%rsp)\norq $0x202, (%rsp)\npopfq`)
      w.flags.all()
  }
}

/** A repetition within the area, forwards or backwards; RSI and RDI are pointers afterwards. */
function string(w: Writer): void {
  const size = w.random.pick(['b', 'w', 'l', 'q'] as const)
  const bytes = WIDTH[size] / 8
  const count = 1 + w.random.below(Math.min(60, 256 / bytes))
  const backwards = w.random.below(4) === 0
  const offset = (): number => (backwards ? 256 : 0) + w.random.below(REACH - 256)
  const name = w.random.pick(['movs', 'movs', 'stos', 'lods', 'cmps', 'scas'])
  const compares = name === 'cmps' || name === 'scas'
  const prefix = compares ? w.random.pick(['repe', 'repne']) : 'rep'
  w.say(`leaq ${offset()}(%r14), %rsi\nleaq ${offset()}(%r14), %rdi`)
  if (backwards) w.say('std')
  const text = w.random.below(4) === 0 ? `${name}${size}` : `movl $${count}, %ecx\n${prefix} ${name}${size}`
  const [before, instruction] = text.includes('\n') ? text.split('\n') : ['', text]
  if (before) w.say(before)
  w.pointing(instruction!)
  if (backwards) w.say('cld')
  if (compares) w.flags.all()
}

function exchange(w: Writer): void {
  const size = w.random.pick(SIZES)
  // Aligned: a lock across two cache lines is something that kernels punish.
  const to = w.random.below(2) === 0 ? w.memory(8) : w.register(size)
  const lock = to.includes('(') && w.random.below(2) === 0 ? 'lock ' : ''
  switch (w.random.below(4)) {
    case 0:
      w.access(`xchg${size} ${w.register(size)}, ${to}`)
      break
    case 1:
      w.access(`${lock}xadd${size} ${w.register(size)}, ${to}`)
      w.flags.all()
      break
    case 2:
      w.access(`${lock}cmpxchg${size} ${w.register(size)}, ${to}`)
      w.flags.all()
      break
    default: {
      const wide = w.random.below(2) === 0
      w.access(`lock cmpxchg${wide ? 16 : 8}b ${w.memory(16)}`)
      w.flags.define('Z')
    }
  }
}

function stack(w: Writer): void {
  switch (w.random.below(4)) {
    case 0:
      w.say(`pushq ${w.register()}\npopq ${w.register()}`)
      break
    case 1:
      w.say(`pushq $${w.random.below(1 << 30)}\npopq ${w.register()}`)
      break
    case 2:
      w.access(`pushq ${w.memory()}`)
      w.say(
        `popw ${w.register('w')}\npopw ${w.register('w')}\npopw ${w.register('w')}\npopw ${w.register('w')}`,
      )
      break
    default:
      // Two frames within each other would copy their addresses.
      w.say(`enter $${8 * w.random.below(20)}, $0\nmovq ${w.register()}, -8(%rsp)\nleave`)
  }
}

function vector(w: Writer): void {
  const places = { memory: (align: number) => w.memory(align), register: () => w.register() }
  for (const line of simdLines(w.random, places)) {
    w.access(line)
    if (setsFlags(line)) w.flags.all()
  }
}

function odd(w: Writer): void {
  switch (w.random.below(8)) {
    case 0:
      w.say('movq %r14, %rbx')
      w.pointing('xlatb')
      break
    case 1:
      w.say(
        w.random.pick([
          'nopw 0(%rax,%rax,1)',
          'nopl 8(%rcx)',
          'pause',
          'mfence',
          'lfence',
          'sfence',
          '.byte 0x66, 0x90',
        ]),
      )
      break
    case 2:
      if (!w.flags.has('C')) {
        w.say('nop')
        return
      }
      w.say('cmc')
      break
    case 3:
      w.say(w.random.pick(['clc', 'stc']))
      w.flags.define('C')
      break
    case 4:
      // The kernel's answer, without the address and the flags that SYSCALL leaves.
      w.say('movl $39, %eax\nsyscall\nmovl $1, %eax\nmovl $2, %ecx\nmovl $3, %r11d')
      break
    case 5: {
      const index = w.random.pick(REGISTERS)
      w.say(`movl $${1 + w.random.below(6)}, %ecx`)
      const label = w.label()
      w.say(`${label}: leaq 3(${index.q},%rcx,2), ${w.random.pick(['%rax', '%rdx', '%r9'])}\nloop ${label}`)
      break
    }
    case 6: {
      const label = w.label()
      w.say(`jrcxz ${label}\nmovq %rcx, ${w.random.pick(['%rax', '%rdx', '%r9'])}\n${label}:`)
      break
    }
    default:
      w.access(`movntiq ${w.register()}, ${w.memory()}`)
  }
}

/** Always faults, and is skipped by the handler. */
export function trap(w: Writer): void {
  const [before, instruction] = w.random.pick([
    ['movl $0, %ecx', 'divl %ecx'],
    // The quotient does not fit.
    ['movabsq $0x7000000000000000, %rdx\nmovl $1, %ecx', 'idivq %rcx'],
    ['nop', 'ud2'],
    ['nop', 'int3'],
    ['nop', 'hlt'],
    ['nop', 'movdqa 1(%r14), %xmm0'],
    ['movabsq $0x8000000000000000, %rdi', 'movq (%rdi), %rax'],
    ['movl $64, %esi', 'addq %rax, (%rsi)'],
  ])
  w.say(before!)
  w.entered(instruction!)
}
