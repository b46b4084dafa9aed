// biome-ignore-all lint: this is what the guest has to run, not how we write
// JavaScript: numbers, BigInt, typed arrays, regular expressions, JSON, Intl-free dates, generators, proxies, and a
// hot loop of each kind so that V8's compilers run. Everything deterministic goes to stdout.
import { createHash } from 'node:crypto'

const out = (...v) => console.log(...v)
out(
  0.1 + 0.2,
  1e21,
  1e-7,
  123456789.125,
  (25).toString(36),
  (0.1).toString(3),
  (1e21).toLocaleString('en-US'),
  (1234.5678).toFixed(2),
  (1e-10).toFixed(20),
  (123.456).toPrecision(4),
  (5e-324).toExponential(),
  Number.MAX_SAFE_INTEGER + 2,
  -7 % 3,
  2 ** 0.5,
  2 ** -1074,
  0 === 0,
  Object.is(-0, 0),
  1 / -0,
  NaN ** 0,
  parseFloat('3.14abc'),
  Number('0x1f'),
  Number(''),
  ~~-3.7,
  5 >>> 1,
  -5 >>> 28,
  1 << 31,
  Math.fround(0.1),
  Math.clz32(77),
  Math.imul(0xffffffff, 5),
  Math.hypot(3, 4),
  Math.cbrt(27),
  Math.sign(-3),
  Math.trunc(-4.7),
  Math.round(-0.5),
  Math.round(2.5),
)
for (const name of [
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'tanh',
  'asinh',
  'atanh',
  'exp',
  'expm1',
  'log',
  'log2',
  'log10',
  'log1p',
  'sqrt',
  'cbrt',
])
  out(name, [0.1, 0.5, 0.9].map(Math[name]), 1.1 ** 33.3, Math.atan2(-1, -0))
out(
  2n ** 200n,
  -17n / 5n,
  -17n % 5n,
  BigInt.asIntN(64, 2n ** 63n),
  BigInt.asUintN(8, -1n),
  0xffffffffffffffffn * 0xffffffffffffffffn,
  (123456789n ** 20n).toString(36),
  BigInt(2 ** 60) >> 7n,
  5n & -3n,
  10n ** 40n / 7n ** 20n,
)
const hash = (v) =>
  createHash('sha256')
    .update(typeof v === 'string' || ArrayBuffer.isView(v) ? v : JSON.stringify(v))
    .digest('hex')
    .slice(0, 16)
let s = 1
const rnd = () => ((s = (Math.imul(s, 1664525) + 1013904223) | 0) >>> 8) / 2 ** 24
const f64 = Float64Array.from({ length: 3000 }, () => (rnd() - 0.5) * 10 ** (rnd() * 40 - 20))
out(
  'f64',
  hash(f64),
  hash(Float32Array.from(f64)),
  hash(Int32Array.from(f64)),
  hash(Uint8ClampedArray.from(f64)),
  hash(f64.slice().sort()),
  hash([...f64].map(String).join()),
  [...f64].map(String).every((t, i) => Number(t) === f64[i]),
)
const view = new DataView(new ArrayBuffer(16))
view.setFloat64(0, Math.PI)
view.setBigInt64(8, -5n, true)
out(hash(new Uint8Array(view.buffer)), view.getFloat32(3), view.getInt16(1), view.getBigUint64(4))
out(
  'x1y22z'.replace(/\d+/g, (d) => d * 2),
  'a-b_c'.split(/[-_]/),
  [...'2024-02-29'.matchAll(/(?<n>\d+)/g)].map((m) => [m.groups.n, m.index]),
  /(?<=\$)\d+(?!\d)/.exec('a $42')?.[0],
  /^\p{Lu}/u.test('Éa'),
  'aBC'.replace(/b/i, '[$&]'),
  /(a+)+$/.test('a'.repeat(20) + 'b'),
  'ǅ'.toLowerCase(),
  'ß'.toUpperCase(),
  'İ'.toLowerCase().length,
  'é'.normalize('NFD').length,
  [...'🐱é'].length,
  'abc'.at(-1),
  'x'.padStart(3, 'ab'),
  escape('ü'),
  encodeURIComponent('ü&'),
  'z'.localeCompare('a'),
)
const data = { a: [1, null, true, 'grüße\u2028\ud83d'], b: { c: new Date(0), d: undefined, e: NaN, f: -0 } }
out(
  JSON.stringify(data),
  JSON.stringify(data, null, 1).length,
  JSON.parse('{"x":[1e3,"\\u0041"]}'),
  structuredClone(new Map([[1, { a: new Set([2]) }]])),
)
for (const bad of ['{', '[1,]', '"\\x"'])
  try {
    JSON.parse(bad)
  } catch (e) {
    out(e.message)
  }
out(
  new Date(Date.UTC(2024, 1, 29, 12, 30, 15, 123)).toISOString(),
  new Date('2023-12-31T23:59:59-05:00').getTime(),
  new Date(NaN).getTime(),
  new Date(1e12).toUTCString(),
)
function* walk(n) {
  if (n > 0) {
    yield n
    yield* walk(n - 2)
  }
}
out(
  [...walk(9)],
  Object.entries({ b: 1, a: 2, 1: 3 }),
  [3, 1, 2].sort(),
  [10, 9, 1].sort(),
  [1, [2, [3, [4]]]].flat(2),
  Array.from({ length: 3 }, (_, i) => i ** 2),
  new Proxy({}, { get: (_, k) => `<${String(k)}>` }).key,
  ((a, b = 2, ...c) => [a, b, c])(1, undefined, 3, 4),
  class A {
    #p = 5
    static s = 1
    get p() {
      return this.#p
    }
  }.name,
  typeof null,
  void 0 ?? 'd',
  [...'ab'].entries().next(),
  Symbol('d').toString(),
  (() => {
    label: for (const i of [1, 2])
      for (const j of [1, 2])
        if (j === 2) continue label
        else if (i === 2) return [i, j]
  })(),
)
const hot = {
  int(n) {
    let t = 0
    for (let i = 0; i < n; i++) t = (t * 31 + i) | 0
    return t
  },
  float(n) {
    let t = 0
    for (let i = 1; i < n; i++) t += Math.sqrt(i) / (i + 0.5)
    return t
  },
  fib(n) {
    return n < 2 ? n : hot.fib(n - 1) + hot.fib(n - 2)
  },
  text(n) {
    let t = ''
    for (let i = 0; i < n; i++) t += String.fromCharCode(97 + (i % 26))
    return hash(t)
  },
  objects(n) {
    const m = new Map()
    for (let i = 0; i < n; i++) m.set(`k${i % 500}`, { v: (m.get(`k${i % 500}`)?.v ?? 0) + i })
    return [...m.values()].reduce((a, b) => a + b.v, 0)
  },
  sieve(n) {
    const c = new Uint8Array(n)
    let k = 0
    for (let i = 2; i < n; i++)
      if (!c[i]) {
        k++
        for (let j = i * 2; j < n; j += i) c[j] = 1
      }
    return k
  },
  big(n) {
    let a = 1n
    for (let i = 1n; i < n; i++) a *= i
    return hash(String(a))
  },
  poly(n) {
    const f = [(x) => x + 1, (x) => x * 2.5, (x) => `${x}`.length, (x) => x | 0]
    let v = 1
    for (let i = 0; i < n; i++) v = f[i % 4](v)
    return v
  },
  trap(n) {
    let c = 0
    for (let i = 0; i < n; i++)
      try {
        if (i % 3 === 0) throw new Error('x')
        c++
      } catch {
        c += 2
      }
    return c
  },
  sort(n) {
    return hash(Array.from({ length: n }, () => rnd()).sort((a, b) => a - b))
  },
}
out(
  hot.int(300000),
  hot.float(100000),
  hot.fib(20),
  hot.text(30000),
  hot.objects(20000),
  hot.sieve(60000),
  hot.big(300),
  hot.poly(20000),
  hot.trap(2000),
  hot.sort(3000),
)
out(
  eval('var q = 6; q * 7'),
  new Function('a', 'b', 'return a ** b')(3, 5),
  await Promise.allSettled([
    Promise.resolve(1),
    Promise.reject(new TypeError('no')),
    new Promise((r) => setTimeout(r, 5, 'late')),
  ]),
  await (async () => {
    let t = 0
    for await (const v of (async function* () {
      for (let i = 0; i < 50; i++) yield i
    })())
      t += v
    return t
  })(),
)
let depth = 0
try {
  ;(function deep() {
    depth++
    deep()
  })()
} catch (e) {
  out(e instanceof RangeError, depth > 1000)
}
process.exitCode = 5
