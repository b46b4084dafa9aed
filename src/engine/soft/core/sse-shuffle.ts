// Meanings of SSE shuffles: pack, unpack, select, insert, extract, widen. SDM volume 1, 10.4.4, 11.4.1 and chapter 12.
// `a` is the destination. A selection by an immediate goes through a table of byte indices made from it, so that
// one swizzle does the work.

/** Two vectors in scratch memory, for selections by a number that WebAssembly wants constant. */
const PAIR: usize = 0x1200

// Packing: narrow with saturation, first a, then b.

export function packsswb(a: v128, b: v128): v128 {
  return i8x16.narrow_i16x8_s(a, b)
}
export function packuswb(a: v128, b: v128): v128 {
  return i8x16.narrow_i16x8_u(a, b)
}
export function packssdw(a: v128, b: v128): v128 {
  return i16x8.narrow_i32x4_s(a, b)
}
export function packusdw(a: v128, b: v128): v128 {
  return i16x8.narrow_i32x4_u(a, b)
}

// Unpacking: interleave the lower or the upper halves. UNPCKLPS is PUNPCKLDQ, UNPCKLPD is PUNPCKLQDQ.

export function punpcklbw(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
}
export function punpcklwd(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
}
export function punpckldq(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 0, 4, 1, 5)
}
export function punpcklqdq(a: v128, b: v128): v128 {
  return i64x2.shuffle(a, b, 0, 2)
}
export function punpckhbw(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
}
export function punpckhwd(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
}
export function punpckhdq(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 2, 6, 3, 7)
}
export function punpckhqdq(a: v128, b: v128): v128 {
  return i64x2.shuffle(a, b, 1, 3)
}

// Shuffles.

export function pshufb(a: v128, b: v128): v128 {
  // Bit 7 clears the byte, bits 4 to 6 are ignored; swizzle clears for every index above 15.
  return i8x16.swizzle(a, v128.and(b, i8x16.splat(<i8>0x8f)))
}
/** Four doublewords of a, chosen by two bits each. */
export function pshufd(b: v128, select: u8): v128 {
  store<v128>(PAIR, b)
  return i32x4(chosen32(PAIR, select), chosen32(PAIR, select >> 2), chosen32(PAIR, select >> 4), chosen32(PAIR, select >> 6))
}
// @ts-ignore: decorator
@inline function chosen32(from: usize, select: u32): u32 {
  return load<u32>(from + (<usize>(select & 3) << 2))
}
export function pshuflw(b: v128, select: u8): v128 {
  store<v128>(PAIR, b)
  return i64x2.replace_lane(b, 0, fourWords(PAIR, select))
}
export function pshufhw(b: v128, select: u8): v128 {
  store<v128>(PAIR, b)
  return i64x2.replace_lane(b, 1, fourWords(PAIR + 8, select))
}
function fourWords(from: usize, select: u32): u64 {
  return (
    <u64>load<u16>(from + (<usize>(select & 3) << 1)) |
    (<u64>load<u16>(from + (<usize>((select >> 2) & 3) << 1)) << 16) |
    (<u64>load<u16>(from + (<usize>((select >> 4) & 3) << 1)) << 32) |
    (<u64>load<u16>(from + (<usize>((select >> 6) & 3) << 1)) << 48)
  )
}
/** Two of a, then two of b. */
export function shufps(a: v128, b: v128, select: u8): v128 {
  store<v128>(PAIR, a)
  store<v128>(PAIR, b, 16)
  return i32x4(
    chosen32(PAIR, select), chosen32(PAIR, select >> 2), chosen32(PAIR + 16, select >> 4), chosen32(PAIR + 16, select >> 6),
  )
}
export function shufpd(a: v128, b: v128, select: u8): v128 {
  const low = select & 1 ? i64x2.shuffle(a, a, 1, 1) : a
  const high = select & 2 ? i64x2.shuffle(b, b, 1, 1) : b
  return i64x2.shuffle(low, high, 0, 2)
}
/** Sixteen bytes of a:b, beginning at byte `count` of b. */
export function palignr(a: v128, b: v128, count: u8): v128 {
  if (count >= 32) return i64x2.splat(0)
  store<v128>(PAIR, b)
  store<v128>(PAIR, a, 16)
  store<v128>(PAIR, i64x2.splat(0), 32)
  return load<v128>(PAIR + <usize>count)
}
export function blendps(a: v128, b: v128, select: u8): v128 {
  const bits = v128.and(i32x4.splat(select), i32x4(1, 2, 4, 8))
  return v128.bitselect(a, b, i32x4.eq(bits, i64x2.splat(0)))
}
export function blendpd(a: v128, b: v128, select: u8): v128 {
  const bits = v128.and(i64x2.splat(select), i64x2(1, 2))
  return v128.bitselect(a, b, i64x2.eq(bits, i64x2.splat(0)))
}
export function pblendw(a: v128, b: v128, select: u8): v128 {
  const bits = v128.and(i16x8.splat(select), i16x8(1, 2, 4, 8, 16, 32, 64, 128))
  return v128.bitselect(a, b, i16x8.eq(bits, i64x2.splat(0)))
}

// Insertion and extraction.

export function pinsrb(a: v128, b: u32, place: u8): v128 {
  store<v128>(PAIR, a)
  store<u8>(PAIR + <usize>(place & 15), <u8>b)
  return load<v128>(PAIR)
}
export function pinsrw(a: v128, b: u32, place: u8): v128 {
  store<v128>(PAIR, a)
  store<u16>(PAIR + (<usize>(place & 7) << 1), <u16>b)
  return load<v128>(PAIR)
}
/** PINSRD and PINSRQ. */
export function pinsrd<T>(a: v128, b: T, place: u8): v128 {
  store<v128>(PAIR, a)
  store<T>(PAIR + ((<usize>place * sizeof<T>()) & 15), b)
  return load<v128>(PAIR)
}
export function pextrb<T>(a: v128, place: u8): T {
  store<v128>(PAIR, a)
  return <T>load<u8>(PAIR + <usize>(place & 15))
}
export function pextrw<T>(a: v128, place: u8): T {
  store<v128>(PAIR, a)
  return <T>load<u16>(PAIR + (<usize>(place & 7) << 1))
}
/** PEXTRD, PEXTRQ, EXTRACTPS. */
export function pextrd<T>(a: v128, place: u8): T {
  store<v128>(PAIR, a)
  return load<T>(PAIR + ((<usize>place * sizeof<T>()) & 15))
}
/** INSERTPS: bits 7 and 6 choose the element of b, 5 and 4 its place, 3 to 0 clear elements. */
export function insertps(a: v128, b: v128, control: u8): v128 {
  store<v128>(PAIR, b)
  return insertpsLoad(a, chosen32(PAIR, control >> 6), control)
}
export function insertpsLoad(a: v128, b: u32, control: u8): v128 {
  store<v128>(PAIR, a)
  store<u32>(PAIR + ((<usize>control >> 2) & 12), b)
  return blendps(load<v128>(PAIR), i64x2.splat(0), control)
}

// Widening of the lowest elements.

export function pmovsxbw(b: u64): v128 {
  return i16x8.extend_low_i8x16_s(i64x2.splat(b))
}
export function pmovsxbd(b: u32): v128 {
  return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(i64x2.splat(b)))
}
export function pmovsxbq(b: u16): v128 {
  return i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(i64x2.splat(b))))
}
export function pmovsxwd(b: u64): v128 {
  return i32x4.extend_low_i16x8_s(i64x2.splat(b))
}
export function pmovsxwq(b: u32): v128 {
  return i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(i64x2.splat(b)))
}
export function pmovsxdq(b: u64): v128 {
  return i64x2.extend_low_i32x4_s(i64x2.splat(b))
}
export function pmovzxbw(b: u64): v128 {
  return i16x8.extend_low_i8x16_u(i64x2.splat(b))
}
export function pmovzxbd(b: u32): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i64x2.splat(b)))
}
export function pmovzxbq(b: u16): v128 {
  return i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i64x2.splat(b))))
}
export function pmovzxwd(b: u64): v128 {
  return i32x4.extend_low_i16x8_u(i64x2.splat(b))
}
export function pmovzxwq(b: u32): v128 {
  return i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(i64x2.splat(b)))
}
export function pmovzxdq(b: u64): v128 {
  return i64x2.extend_low_i32x4_u(i64x2.splat(b))
}
