// A function's body as text, for people who read what the translator made of some code. Instructions are put together to
// expressions, one line for each that does something; locals that stand for guest registers have their names, and so have
// the addresses of the machine's state.
//
//     rax = i64.load(rax)                       a guest register is loaded
//     i8 = i32.and(i32.shr_u(i9, 8), 0xfff0)    a local without a name: its type and number
//     if i64.ne(i64.load(i8 + TLB.user.read), … a load at i8 plus a known address
//
// What is on WebAssembly's stack when a line is written that it was computed before goes to a line of its own: so the
// lines are in the order in which things happen.

import {
  BLOCK_EPOCH,
  BUDGET,
  CALLED_OPERATION,
  CALLED_RESULT,
  CC_A,
  CC_B,
  CC_CARRY,
  CC_OP,
  CC_RES,
  CR0,
  CR4,
  DROPPED,
  JUMPS,
  JUMPS_VIEW,
  KERNEL_GS_BASE,
  MXCSR,
  REGS,
  RFLAGS,
  RIP,
  tlbOf,
  XMM,
} from '../../../../src/engine/soft/translator/addresses.ts'
import { F32, F64, I32, I64, V128, type ValueType } from '../../../../src/engine/soft/translator/encoder.ts'
import { op } from '../../../../src/engine/soft/translator/opcodes.ts'
import { BLOCK_RIP, FS_BASE, GS_BASE } from '../../../../src/engine/soft/translator/operations.ts'
import { REGISTER_NAMES } from '../differential/record.ts'

const TYPES: Readonly<Record<number, string>> = {
  [I32]: 'i32',
  [I64]: 'i64',
  [F32]: 'f32',
  [F64]: 'f64',
  [V128]: 'v128',
}

const ADDRESSES = new Map<number, string>([
  ...REGISTER_NAMES.map((name, i) => [REGS + 8 * i, name] as const),
  ...Array.from({ length: 16 }, (_, i) => [XMM + 16 * i, `xmm${i}`] as const),
  [REGS + BLOCK_RIP, 'BLOCK_RIP'],
  [REGS + FS_BASE, 'FS_BASE'],
  [REGS + GS_BASE, 'GS_BASE'],
  ...Object.entries({
    ...{ RIP, RFLAGS, CC_OP, CC_CARRY, CC_RES, CC_A, CC_B, BUDGET, DROPPED, BLOCK_EPOCH },
    ...{ CALLED_OPERATION, CALLED_RESULT, CR0, CR4, KERNEL_GS_BASE, MXCSR },
  }).map(([name, at]) => [at, name] as const),
  ...(['read', 'write', 'execute'] as const).flatMap((kind) =>
    [false, true].flatMap((user) => {
      const name = `TLB.${user ? 'user' : 'kernel'}.${kind}`
      return [[tlbOf(user, kind), name] as const, [tlbOf(user, kind) + 8, `${name}.addend`] as const]
    }),
  ),
  ...[false, true].flatMap((user) =>
    ['', '.function', '.entry', '.count'].map(
      (part, i) =>
        [JUMPS + (user ? JUMPS_VIEW : 0) + 4 * i, `JUMPS.${user ? 'user' : 'kernel'}${part}`] as const,
    ),
  ),
])

const NAMES = new Map<number, string>(
  Object.entries(op).map(([name, code]) => [code, name.replace('_', '.')]),
)
const UNARY =
  /eqz|clz|ctz|popcnt|wrap|extend|convert|trunc|reinterpret|promote|demote|splat|any_true|all_true|bitmask|abs|neg|sqrt|ceil|floor|nearest|extadd|v128\.not/

interface Structure {
  readonly kind: 'block' | 'loop' | 'if'
  readonly label: string
  /** Of an `if` with a result: the local that the text gives it. */
  readonly result: string | undefined
  /** Values on the stack outside of it. */
  readonly height: number
}

const STRUCTURES: Readonly<Record<number, Structure['kind']>> = { 2: 'block', 3: 'loop', 4: 'if' }

/** @param imports names of the imported functions */
export function printFunction(
  { locals, code }: { readonly locals: readonly ValueType[]; readonly code: Uint8Array },
  imports: readonly string[],
): string {
  return new Printer(locals, code, imports).print()
}

class Printer {
  readonly #locals: readonly ValueType[]
  readonly #code: Uint8Array
  readonly #imports: readonly string[]
  /** The frame's are in the order in which FunctionWriter makes them. */
  readonly #names = new Map(
    ['slot', 'selector', 'origin', 'budget', 'target', 'result'].map((name, i) => [i, name] as const),
  )
  readonly #lines: string[] = []
  readonly #stack: string[] = []
  readonly #open: Structure[] = []
  #at = 0
  #spilled = 0
  #labels = 0
  /** Behind an unconditional branch the stack is whatever it is. */
  #unreachable = false

  constructor(locals: readonly ValueType[], code: Uint8Array, imports: readonly string[]) {
    this.#locals = locals
    this.#code = code
    this.#imports = imports
  }

  print(): string {
    while (this.#at < this.#code.length) this.#instruction()
    for (const value of this.#stack) this.#line(`return ${value}`)
    return `${this.#lines.join('\n')}\n`
  }

  #byte(): number {
    return this.#code[this.#at++]!
  }
  #unsigned(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  #signed(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(Number(shift) + 7, value)
    }
  }

  #line(text: string): void {
    this.#lines.push(`${'  '.repeat(this.#open.length)}${text}`)
  }
  /** A line that does something. What is on the stack was computed before it: that shows where it matters. */
  #statement(text: string, assigned?: string): void {
    this.#spill((value) => /load|\bholds|\bperform/.test(value) || mentions(value, assigned))
    this.#line(text)
  }
  #spill(needed: (value: string) => boolean): void {
    for (let i = this.#open.at(-1)?.height ?? 0; i < this.#stack.length; i++) {
      const value = this.#stack[i]!
      if (/^(-?\d|s\d+$)/.test(value) || !needed(value)) continue
      const name = `s${this.#spilled++}`
      this.#line(`${name} = ${value}`)
      this.#stack[i] = name
    }
  }
  #pop(): string {
    const value = this.#stack.pop()
    if (value === undefined && !this.#unreachable) throw new Error(`the stack is empty at ${this.#at}`)
    return value ?? '?'
  }

  #local(number: number): string {
    return (
      this.#names.get(number) ??
      `${{ i32: 'i', i64: 'l', v128: 'v', f32: 'f', f64: 'd' }[this.#type(number)]}${number}`
    )
  }
  #type(number: number): 'i32' {
    return TYPES[this.#locals[number - 1]!] as 'i32'
  }

  #instruction(): void {
    const first = this.#byte()
    if (first === 0x02 || first === 0x03 || first === 0x04) this.#enter(STRUCTURES[first]!)
    else if (first === 0x05) this.#otherwise()
    else if (first === 0x0b) this.#end()
    else if (first >= 0x0c && first <= 0x0e) this.#branch(first)
    else if (first === 0x10) {
      // All imports take and give one value.
      this.#stack.push(`${this.#imports[this.#unsigned()]}(${this.#pop()})`)
    } else if (first >= 0x20 && first <= 0x22) this.#variable(first)
    else if (first === 0x41 || first === 0x42) this.#stack.push(number(this.#signed()))
    else if (first === 0x43 || first === 0x44) this.#float(first === 0x43 ? 4 : 8)
    else if (first === op.return) this.#leave(`return ${this.#pop()}`)
    else if (first === op.unreachable) this.#leave('unreachable')
    else if (first === op.drop) this.#statement(`drop ${this.#pop()}`)
    else this.#plain(first === 0xfd || first === 0xfc ? (first << 8) | this.#unsigned() : first)
  }

  #float(bytes: number): void {
    const view = new DataView(this.#code.buffer, this.#code.byteOffset + this.#at)
    this.#at += bytes
    this.#stack.push(`${bytes === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true)}f`)
  }

  #branch(first: number): void {
    if (first === 0x0c) {
      this.#leave(`br ${this.#label()}`)
      return
    }
    const value = this.#pop()
    if (first === 0x0d) {
      this.#statement(`if ${value} br ${this.#label()}`)
      return
    }
    const labels = Array.from({ length: this.#unsigned() }, () => this.#label())
    this.#leave(`br_table ${value}: ${labels.join(' ')}, else ${this.#label()}`)
  }

  #variable(first: number): void {
    const local = this.#unsigned()
    if (first !== 0x20) {
      const value = this.#pop()
      this.#name(local, value)
      this.#statement(`${this.#local(local)} = ${value}`, this.#local(local))
    }
    if (first !== 0x21) this.#stack.push(this.#local(local))
  }

  #plain(code: number): void {
    const name = NAMES.get(code)
    if (name === undefined) throw new Error(`unknown opcode ${code.toString(16)}`)
    if (/\.(load|store)/.test(name)) {
      this.#memory(name)
      return
    }
    let immediate = ''
    let count = code === op.select || code === op.v128_bitselect ? 3 : UNARY.test(name) ? 1 : 2
    if (code === op.v128_const || code === op.i8x16_shuffle) immediate = `[${this.#hex(16)}]`
    if (code === op.v128_const) count = 0
    if (/extract_lane|replace_lane/.test(name)) {
      immediate = `[${this.#byte()}]`
      count = name.includes('replace') ? 2 : 1
    }
    const values: string[] = []
    for (let i = 0; i < count; i++) values.unshift(this.#pop())
    this.#stack.push(count === 0 ? name + immediate : `${name}${immediate}(${values.join(', ')})`)
  }

  #memory(name: string): void {
    this.#byte() // alignment
    const offset = this.#unsigned()
    const lane = name.endsWith('_lane') ? `[${this.#byte()}]` : ''
    const value = name.includes('store') || name.endsWith('_lane') ? this.#pop() : undefined
    const base = this.#pop()
    const known = ADDRESSES.get(offset)
    const text = known ?? (offset === 0 ? undefined : hexadecimal(offset))
    const place = base === '0' && text ? text : text ? `${base} + ${text}` : base
    if (name.includes('store')) this.#statement(`${name}${lane}(${place}, ${value})`)
    else this.#stack.push(`${name}${lane}(${place}${value === undefined ? '' : `, ${value}`})`)
  }

  #hex(bytes: number): string {
    return Array.from({ length: bytes }, () => this.#byte().toString(16).padStart(2, '0')).join(' ')
  }

  /** A local that is loaded from a register's place has its name. */
  #name(local: number, value: string): void {
    const name = /^(?:i64|v128)\.load\((r\w+|xmm\d+)\)$/.exec(value)?.[1]
    if (name === undefined || this.#names.has(local)) return
    if (![...this.#names.values()].includes(name)) this.#names.set(local, name)
  }

  #label(): string {
    return this.#open[this.#open.length - 1 - this.#unsigned()]?.label ?? 'out'
  }
  /** Nothing is reached behind this line. */
  #leave(text: string): void {
    this.#statement(text)
    this.#unreachable = true
    this.#stack.length = this.#open.at(-1)?.height ?? 0
  }

  #enter(kind: Structure['kind']): void {
    const type = this.#byte()
    const condition = kind === 'if' ? ` ${this.#pop()}` : ''
    const label = `${kind === 'loop' ? 'L' : 'B'}${this.#labels++}`
    const result = type === 0x40 ? undefined : `s${this.#spilled++}`
    this.#spill(() => true)
    this.#line(`${kind}${condition} ${label} {`)
    this.#open.push({ kind, label, result, height: this.#stack.length })
  }
  #otherwise(): void {
    const { result, height } = this.#open.at(-1)!
    if (result && !this.#unreachable) this.#line(`${result} = ${this.#pop()}`)
    this.#stack.length = height
    this.#unreachable = false
    const inside = this.#open.pop()!
    this.#line('} else {')
    this.#open.push(inside)
  }
  #end(): void {
    const { label, result, height, kind } = this.#open.at(-1)!
    if (result && !this.#unreachable) this.#line(`${result} = ${this.#pop()}`)
    this.#stack.length = height
    this.#open.pop()
    this.#unreachable = false
    this.#line(kind === 'if' ? '}' : `} ${label}`)
    if (result) this.#stack.push(result)
  }
}

const mentions = (value: string, local: string | undefined): boolean =>
  local !== undefined && new RegExp(`\\b${local}\\b`).test(value)

function number(value: bigint): string {
  if (value > -4096n && value < 4096n) return String(value)
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`
}
const hexadecimal = (value: number): string => `0x${value.toString(16)}`
