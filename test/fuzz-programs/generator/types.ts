// The arithmetic types of the programs. Their names are those of prelude.h.

export interface IntegerType {
  readonly kind: 'integer'
  readonly name: 'i8' | 'i16' | 'i32' | 'i64' | 'i128' | 'u8' | 'u16' | 'u32' | 'u64' | 'u128'
  readonly bits: number
  readonly signed: boolean
}

export interface FloatType {
  readonly kind: 'float'
  /** `longdouble` is one word, so that names can be made from it. */
  readonly name: 'float' | 'double' | 'longdouble'
  /** Ends a literal of this type. */
  readonly suffix: '' | 'f' | 'L'
}

export type Arithmetic = IntegerType | FloatType

const integer = (name: IntegerType['name']): IntegerType => ({
  kind: 'integer',
  name,
  bits: Number(name.slice(1)),
  signed: name.startsWith('i'),
})

export const I8: IntegerType = integer('i8')
export const I16: IntegerType = integer('i16')
export const I32: IntegerType = integer('i32')
export const I64: IntegerType = integer('i64')
export const I128: IntegerType = integer('i128')
export const U8: IntegerType = integer('u8')
export const U16: IntegerType = integer('u16')
export const U32: IntegerType = integer('u32')
export const U64: IntegerType = integer('u64')
export const U128: IntegerType = integer('u128')
export const FLOAT: FloatType = { kind: 'float', name: 'float', suffix: 'f' }
export const DOUBLE: FloatType = { kind: 'float', name: 'double', suffix: '' }
export const LONG_DOUBLE: FloatType = { kind: 'float', name: 'longdouble', suffix: 'L' }

/** Up to 64 bits: what arrays and structs are made of. */
export const words: readonly IntegerType[] = [I8, I16, I32, I64, U8, U16, U32, U64]
export const integers: readonly IntegerType[] = [...words, I32, I64, U32, U64, U32, U64, I128, U128]
export const floats: readonly FloatType[] = [DOUBLE, FLOAT, DOUBLE, LONG_DOUBLE]

/** The type in which sums and products of `type` cannot overflow into undefined behaviour. */
export function wrapping({ bits }: IntegerType): string {
  if (bits <= 32) return 'u32'
  return bits === 64 ? 'u64' : 'u128'
}

export function unsigned({ bits }: IntegerType): string {
  return `u${bits}`
}
