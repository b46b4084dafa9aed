// Checks the walls of src/: a room is entered only through its index.ts, and only along the arrows below.
//
// The arrows are those of docs/architecture.md. `errors` and `memory` lie under everything and need no arrow; the
// order of the table is the order of the picture there, so an arrow that points upwards is suspicious by itself.
// Found by a scan for import and export specifiers: our sources have no other way to name a module.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { filesBelow, inRoot } from './lib/paths.mjs'
import { main } from './lib/run.mjs'

const everywhere = ['errors', 'memory']
const arrows = {
  cli: ['index'],
  index: ['command', 'machine', 'doctor', 'engine', 'artifacts', 'image', 'fs', 'net'],
  doctor: ['machine', 'engine', 'artifacts'],
  command: ['machine', 'agent', 'image'],
  machine: [
    'engine',
    'artifacts',
    'boot',
    'bus',
    'virtio',
    'platform',
    'agent',
    'image',
    'snapshot',
    'fs',
    'fuse',
    'net',
  ],
  engine: ['bus', 'native'],
  artifacts: [],
  boot: [],
  platform: ['bus'],
  virtio: ['bus'],
  agent: [],
  fuse: ['fs'],
  fs: [],
  net: [],
  image: [],
  snapshot: [],
  bus: [],
  memory: [],
  native: [],
  errors: [],
}

/** Prints every wrong import; gives 0 when there is none. */
export async function checkRooms() {
  const source = inRoot('src')
  const complaints = []
  for (const file of (await filesBelow(source)).filter((name) => name.endsWith('.ts'))) {
    const relative = path.relative(source, file)
    for (const specifier of specifiers(await readFile(file, 'utf8'))) {
      const complaint = judge(relative, specifier)
      if (complaint !== undefined) complaints.push(`src/${relative}: '${specifier}': ${complaint}`)
    }
  }
  for (const complaint of complaints) process.stderr.write(`${complaint}\n`)
  process.stderr.write(
    complaints.length === 0 ? 'ok rooms and arrows\n' : `FAILED rooms and arrows: ${complaints.length}\n`,
  )
  return complaints.length === 0 ? 0 : 1
}

/** What is wrong when `file` (relative to src/) imports `specifier`, or undefined. */
export function judge(file, specifier) {
  if (!specifier.startsWith('.')) return undefined
  const target = path.normalize(path.join(path.dirname(file), specifier))
  if (target.startsWith('..')) return 'leaves src/'
  const from = roomOf(file)
  const to = roomOf(target)
  if (arrows[from] === undefined) return `the room ${from} is not in scripts/check-rooms.mjs`
  if (from === to) return insideEngine(file, target)
  if (to !== 'index' && target !== `${to}/index.ts`) return `${to}/ is entered through ${to}/index.ts`
  if (!everywhere.includes(to) && !arrows[from].includes(to)) return `there is no arrow from ${from} to ${to}`
  if (everywhere.includes(from) && !(from === 'memory' && to === 'errors')) return `${from} stands on nothing`
  return undefined
}

/** engine/ alone has rooms inside: engine/soft and engine/kvm, each with its own door. */
function insideEngine(file, target) {
  const inner = (name) => (name.split('/').length > 2 ? name.split('/').slice(0, 2).join('/') : undefined)
  if (roomOf(file) !== 'engine' || inner(target) === undefined || inner(file) === inner(target))
    return undefined
  if (target === `${inner(target)}/index.ts`) return undefined
  return `${inner(target)}/ is entered through its index.ts`
}

/** `index` for the files directly in src/ (the front door), else the first folder. */
const roomOf = (file) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : 'index')

function specifiers(text) {
  const withoutComments = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const pattern = /\bfrom\s*'([^']+)'|\bimport\s*\(\s*'([^']+)'|\bimport\s*'([^']+)'/g
  return [...withoutComments.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3])
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(checkRooms)
