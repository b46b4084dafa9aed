// Keeps a just-in-time compiler busy, for the soak (test/soak/): functions that are made, become hot, meet other types
// than before, and are forgotten. Prints what it computed.

let sum = 1
const note = (value) => {
  sum = (Math.imul(sum, 31) + (value | 0)) | 0
}

// New functions all the time, each called often enough to be compiled.
for (let i = 0; i < 400; i++) {
  const f = new Function(
    'a',
    'b',
    `let x = a * ${i + 1} + b; for (let k = 0; k < ${10 + (i % 40)}; k++) x = (Math.imul(x, ${2 * i + 3}) ^ (x >>> ${1 + (i % 13)})) + k | 0; return x`,
  )
  for (let j = 0; j < 150; j++) note(f(sum, j))
}

// One function whose arguments change their shape: optimized, and optimized no more.
const shapes = [
  (i) => ({ x: i, y: 2 }),
  (i) => ({ y: i, x: 1.5 }),
  (i) => ({ x: `${i}`, y: 3, z: 1 }),
  (i) => Object.assign(Object.create({ y: 7 }), { x: BigInt(i) }),
]
const look = (o) => Number(o.x) * 3 + o.y
for (const shape of shapes) for (let i = 0; i < 3000; i++) note(look(shape(i)))

// Typed arrays and floating point.
const numbers = new Float64Array(2000).map((_, i) => Math.sqrt(i) * (i % 7))
for (let round = 0; round < 20; round++)
  for (let i = 1; i < 2000; i++) numbers[i] = numbers[i] * 0.5 + numbers[i - 1] / 3
note(new Int32Array(numbers.buffer).reduce((a, b) => a ^ b, 0))

// Garbage of all ages.
const kept = new Map()
for (let i = 0; i < 20000; i++) {
  kept.set(i % 500, { text: `item ${i}`, list: [i, i * 2, `${i % 10}`] })
  if (i % 1000 === 0) note(JSON.stringify([...kept.values()]).length)
}

// Texts and regular expressions.
let text = ''
for (let i = 0; i < 2000; i++) text += String.fromCharCode(97 + ((i * i * 7 + i) % 26))
for (const pattern of [/[aeiou][^aeiou]+/g, /(.)(.)(?=.*\1)/g, /q.|u.+?x/g])
  note(text.match(pattern)?.length ?? 0)
const sorted = text.split('').sort().join('')
note(sorted.indexOf('m') + sorted.lastIndexOf('q'))

function* fibonacci() {
  let [a, b] = [0n, 1n]
  for (;;) {
    yield a
    ;[a, b] = [b, a + b]
  }
}
let count = 0
for (const n of fibonacci())
  if (count++ > 400) {
    note(Number(n % 1000003n))
    break
  }

console.log(sum >>> 0)
