// Random functions in assembly language: what compilers hardly ever write. Flags that travel through many instructions,
// high byte registers, rotations through the carry, string instructions in both directions, LAHF, XLAT, calls and
// returns by hand, x87 and MMX in between. Only defined flags are looked at.
//
// A function is void NAME(u64 *state): 12 general registers, RFLAGS, and from state[16] XMM0 to XMM7, loaded before
// and stored after. R14 is the base of memory that lies at the fixed address AREA, so that pointers in registers are
// the same in every run. R15 counts loops.
//
// With `faults`, the memory's second half may be out of reach: the handler (chapters/faults.ts) looks at all registers,
// gives the page back and goes on. Instructions that always fault are skipped by it. For both it finds in the section
// `fault_table`, for each instruction that may fault: its address, that of the next, and the flags defined before it.

import type { Random } from '../../engine/soft/differential/random.ts'
import { arithmetic, instructions, trap } from './assembly-instructions.ts'
import { REGISTERS, Writer } from './assembly-writer.ts'

/** Far from where kernel, heap and sanitizers put anything. */
export const AREA = 0x2000_0000_0000

export interface AssemblyOptions {
  readonly faults: boolean
  /** Instructions, roughly. */
  readonly count: number
  /** What R14 is: 16-byte aligned. */
  readonly base: number
}

/** Text for a top-level `asm`. */
export function assemblyFunction(random: Random, name: string, options: AssemblyOptions): string {
  const writer = new Writer(random, name, options.faults)
  // XOR at the entrance, before the body.
  writer.flags.logic()
  some(writer, options.count, 2)
  const loads = REGISTERS.map(({ q }, i) => (q === '%rdi' ? '' : `movq ${8 * i}(%rdi), ${q}`)).filter(Boolean)
  const stores = REGISTERS.map(({ q }, i) => `movq ${q}, ${8 * i}(%rbp)`)
  const vectors = Array.from({ length: 8 }, (_, i) => i)
  return [
    `.text\n.globl ${name}\n${name}:`,
    ...['%rbx', '%rbp', '%r12', '%r13', '%r14', '%r15', '%rdi'].map((register) => `pushq ${register}`),
    `movabsq $${options.base}, %r14`,
    ...vectors.map((i) => `movdqu ${128 + 16 * i}(%rdi), %xmm${i}`),
    ...loads,
    'movq 40(%rdi), %rdi\nxorl %r15d, %r15d',
    ...writer.lines,
    `cld\npushfq\nmovq 8(%rsp), %rbp`,
    ...stores,
    `popq %rax\nandq $${writer.flags.mask()}, %rax\nmovq %rax, 96(%rbp)`,
    ...vectors.map((i) => `movdqu %xmm${i}, ${128 + 16 * i}(%rbp)`),
    'addq $8, %rsp',
    ...['%r15', '%r14', '%r13', '%r12', '%rbp', '%rbx'].map((register) => `popq ${register}`),
    'ret',
  ].join('\n')
}

const flatKinds: readonly ((w: Writer) => void)[] = instructions.flatMap(([times, write]) =>
  Array.from({ length: times }, () => write),
)
/** What has room for others inside. */
const nestedKinds = [skip, skip, skip, loop, call, computedJump]
const NESTED_PERCENT = 20
const TRAP_PERCENT = 4

function some(w: Writer, count: number, nesting: number): void {
  for (let i = 0; i < count; i++) {
    if (nesting > 0 && w.random.chance(NESTED_PERCENT)) w.random.pick(nestedKinds)(w, nesting)
    else if (w.faults && w.random.chance(TRAP_PERCENT)) trap(w)
    else w.random.pick(flatKinds)(w)
  }
}

function skip(w: Writer, nesting: number): void {
  const codes = w.flags.conditions()
  if (codes.length === 0) {
    arithmetic(w)
    return
  }
  const label = w.label()
  w.say(`j${w.random.pick(codes)} ${label}`)
  const before = w.flags.copy()
  if (w.random.below(2) === 0) {
    some(w, 1 + w.random.below(4), nesting - 1)
    w.say(`${label}:`)
    w.flags.meet(before)
    return
  }
  // With an else.
  const end = w.label()
  some(w, 1 + w.random.below(3), nesting - 1)
  w.say(`jmp ${end}\n${label}:`)
  const one = w.flags.copy()
  w.flags.all()
  w.flags.meet(before)
  some(w, 1 + w.random.below(3), nesting - 1)
  w.say(`${end}:`)
  w.flags.meet(one)
}

function loop(w: Writer, nesting: number): void {
  if (w.inLoop) {
    skip(w, nesting)
    return
  }
  w.inLoop = true
  const label = w.label()
  w.say(`movl $${2 + w.random.below(12)}, %r15d\n${label}:`)
  w.flags.only()
  some(w, 2 + w.random.below(8), nesting - 1)
  w.say(`decl %r15d\njnz ${label}`)
  w.flags.define('P', 'A', 'Z', 'S', 'O')
  w.inLoop = false
}

function call(w: Writer, nesting: number): void {
  const [target, after] = [w.label(), w.label()]
  const register = w.register()
  if (w.random.below(2) === 0) w.say(`call ${target}`)
  else w.say(`leaq ${target}(%rip), ${register}\ncall *${register}`)
  const indirect = w.lines.at(-1)!.includes('*')
  w.say(`jmp ${after}\n${target}:`)
  // The address of code is not for comparison.
  if (indirect) w.say(`movl $${w.random.below(1000)}, ${REGISTERS.find(({ q }) => q === register)!.l}`)
  some(w, 1 + w.random.below(4), nesting - 1)
  w.say(`ret\n${after}:`)
}

/** A jump through a table, or a return to an address that no call left. */
function computedJump(w: Writer, nesting: number): void {
  const targets = Array.from({ length: 4 }, () => w.label())
  const [table, end] = [w.label(), w.label()]
  const index = w.register('l')
  const wide = REGISTERS.find(({ l }) => l === index)!.q
  const byReturn = w.random.below(3) === 0
  w.say(`andl $3, ${index}`)
  w.say(byReturn ? `pushq ${table}(,${wide},8)\nret` : `jmp *${table}(,${wide},8)`)
  w.say(`.pushsection .rodata\n.balign 8\n${table}: .quad ${targets.join(', ')}\n.popsection`)
  w.flags.logic()
  const before = w.flags.copy()
  const after = w.flags.copy()
  after.all()
  for (const target of targets) {
    w.flags.all()
    w.flags.meet(before)
    w.say(`${target}:`)
    some(w, 1 + w.random.below(2), nesting - 1)
    w.say(`jmp ${end}`)
    after.meet(w.flags)
  }
  w.say(`${end}:`)
  w.flags.all()
  w.flags.meet(after)
}
