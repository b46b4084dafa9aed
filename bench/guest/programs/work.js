// biome-ignore-all lint: this is what the guests have to run, not how we write
// JavaScript work for V8's compilers: numbers, objects, strings, maps, closures, typed arrays, regular expressions, JSON.
const amount = Number(process.argv[2])

function* numbers(seed) {
  for (;;) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
    yield seed >> 8
  }
}

function richards(steps) {
  const tasks = Array.from({ length: 6 }, (_, id) => ({ id, queue: [], handled: 0, sum: 0 }))
  const source = numbers(7)
  for (let i = 0; i < steps; i++) {
    const task = tasks[i % tasks.length]
    task.queue.push({ kind: source.next().value % 3, from: task.id })
    const packet = tasks[(i * 5 + 1) % tasks.length].queue.shift()
    if (packet === undefined) continue
    const receiver = tasks[(packet.from + packet.kind) % tasks.length]
    receiver.handled++
    receiver.sum = (receiver.sum * 31 + packet.from) % 1000003
  }
  return tasks.map(({ handled, sum }) => `${handled}/${sum}`).join(' ')
}

class Tree {
  constructor(depth) {
    this.left = depth > 0 ? new Tree(depth - 1) : null
    this.right = depth > 0 ? new Tree(depth - 1) : null
  }
  count() {
    return 1 + (this.left?.count() ?? 0) + (this.right?.count() ?? 0)
  }
}

function words(count) {
  const source = numbers(count)
  const histogram = new Map()
  let text = ''
  for (let i = 0; i < count; i++) text += `${(source.next().value % 5000).toString(36)} `
  for (const [word] of text.matchAll(/[a-z]+\d?/g)) histogram.set(word, (histogram.get(word) ?? 0) + 1)
  return JSON.stringify([...histogram].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, 5))
}

function matrix(size) {
  const [a, b, c] = [0, 1, 2].map(() => new Float64Array(size * size))
  for (let i = 0; i < size * size; i++) [a[i], b[i]] = [i % 7, (i % 11) / 3]
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) {
      let sum = 0
      for (let k = 0; k < size; k++) sum += a[i * size + k] * b[k * size + j]
      c[i * size + j] = sum
    }
  return c.reduce((x, y) => x + y)
}

function json(count) {
  const list = Array.from({ length: count }, (_, id) => ({
    id,
    name: `item ${id}`,
    tags: ['a', 'b', `${id % 10}`],
  }))
  const copy = JSON.parse(JSON.stringify(list))
  return copy.reduce((sum, { id, tags }) => (sum * 31 + id + tags.length) % 1000003, 0)
}

for (let i = 0; i < amount; i++) {
  console.log(richards(100000), new Tree(15).count(), words(20000), matrix(120), json(5000))
}
