// How a region goes on in the next one (core/chains.ts): with a tail call of what it finds in the table; if there is
// nothing, it returns, and the dispatcher goes on. The code for that is in a function, one for each view, in a module of
// their own that all others import; regions that run very often have a copy at their end (translator.ts).

import {
  CHAIN_EPOCHS,
  CHAINS,
  CHAINS_MASK,
  CHAINS_VIEW,
  CONTINUE,
  REGION_STATISTICS,
  RIP,
  RUNNING,
} from './addresses.ts'
import { Code, encodeModule, type FunctionBody, type FunctionType, I32, I64 } from './encoder.ts'
import { op } from './opcodes.ts'

// Parts of an entry.
const FUNCTION = 4
const COUNT = 12
const ADDRESS = 16
const EPOCH = 24

const TYPE: FunctionType = { parameters: [I32], results: [I32] }

export interface ChainWriting {
  readonly user: boolean
  /** Index of the type of regions' functions in the module. */
  readonly type: number
  /** Local (i64): the linear address at which it goes on. */
  readonly rip: number
  /** Two locals (i32) that are free. */
  readonly free: readonly [number, number]
}

/** Writes the tail call of the next region, behind which it is known that there is none to go on in. */
export function writeChain(code: Code, { user, type, rip, free: [entry, count] }: ChainWriting): void {
  const table = CHAINS + (user ? CHAINS_VIEW : 0)
  code.get(rip)
  code.op(op.i32_wrap_i64)
  code.get(rip)
  code.i64(12)
  code.op(op.i64_shr_u)
  code.op(op.i32_wrap_i64)
  code.op(op.i32_xor)
  code.i32(CHAINS_MASK)
  code.op(op.i32_and)
  code.i32(5)
  code.op(op.i32_shl)
  code.tee(entry)
  code.memory(op.i64_load, table + ADDRESS)
  code.get(rip)
  code.op(op.i64_eq)
  code.get(entry)
  code.memory(op.i32_load, table + EPOCH)
  code.i32(0)
  code.memory(op.i32_load, CHAIN_EPOCHS + (user ? 4 : 0))
  code.op(op.i32_eq)
  code.op(op.i32_and)
  code.when()
  code.get(entry)
  code.memory(op.i32_load, table + COUNT)
  code.tee(count)
  code.when()
  code.get(entry)
  code.get(count)
  code.i32(1)
  code.op(op.i32_sub)
  code.memory(op.i32_store, table + COUNT)
  code.i32(0)
  code.get(entry)
  code.i32(table)
  code.op(op.i32_add)
  code.tee(entry)
  code.memory(op.i32_store, RUNNING)
  code.i32(0)
  code.i32(0)
  code.memory(op.i64_load, REGION_STATISTICS)
  code.i64(1)
  code.op(op.i64_add)
  code.memory(op.i64_store, REGION_STATISTICS)
  code.get(entry)
  code.get(entry)
  code.memory(op.i32_load, FUNCTION)
  code.tailCallIndirect(type)
  code.end()
  code.end()
}

function chainFunction(user: boolean): FunctionBody {
  const code = new Code()
  // The parameter's place serves as a local: the value is not needed as such.
  const [entry, rip, count] = [0, 1, 2]
  code.i32(0)
  code.memory(op.i64_load, RIP)
  code.set(rip)
  writeChain(code, { user, type: 0, rip, free: [entry, count] })
  code.i32(CONTINUE)
  return { locals: [I64, I32], code: code.written(), exportName: user ? 'user' : 'kernel' }
}

const bytes = encodeModule([], TYPE, [chainFunction(false), chainFunction(true)], { table: true })

/** Are there tail calls here? Without them, each region returns to the dispatcher. */
export const tailCalls: boolean = WebAssembly.validate(bytes)

export interface ChainFunctions {
  readonly kernel: unknown
  readonly user: unknown
}

/** The functions for a machine. @param table the core's function table */
export function chainFunctions(memory: WebAssembly.Memory, table: unknown): ChainFunctions | undefined {
  if (!tailCalls) return undefined
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, table } })
  return exports as unknown as ChainFunctions
}
