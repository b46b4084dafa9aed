// The function by which a region goes on in the next one (core/chains.ts): one for each view, in a module of their own
// that all others import. Regions end with a tail call of it, and it ends with a tail call of the region that it has
// found; or it returns, and the dispatcher goes on.
//
// With a copy of this code at the end of hot regions, Python takes some 6 % less time. But then each module has to import
// the function table, and V8's table keeps every instance that imports it for as long as it lives itself: modules
// would never be freed (in an hour's soak memory grew by 5 MiB a second).

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

function chainFunction(user: boolean): FunctionBody {
  const code = new Code()
  const entry = 0 // the parameter's place, which is not needed as such
  const rip = 1
  const count = 2
  const table = CHAINS + (user ? CHAINS_VIEW : 0)
  code.i32(0)
  code.memory(op.i64_load, RIP)
  code.tee(rip)
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
  code.tailCallIndirect(0)
  code.end()
  code.end()
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
