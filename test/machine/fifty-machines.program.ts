// Fifty machines, ten at a time, in this process; then it must have the descriptors that it began with, and end.
import { readdir, readlink } from 'node:fs/promises'
import { Machine } from '../../src/index.ts'

async function descriptors(): Promise<string[]> {
  const names = await readdir('/proc/self/fd')
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')))
  // What belongs to Node itself comes and goes: its event loops, pipes and the folder being read.
  return targets
    .filter((target) => target !== '' && !/^(anon_inode|pipe|socket|\/proc|\/dev)/.test(target))
    .sort()
}

const first = await Machine.start({ memory: '64MiB' })
await first.close()
const before = await descriptors()
let opened = 0
let answers = 0
for (let round = 0; round < 5; round++) {
  const machines = await Promise.all(Array.from({ length: 10 }, () => Machine.start({ memory: '64MiB' })))
  opened += machines.length
  const outputs = await Promise.all(
    machines.map((machine, i) => machine.command('echo').arg(String(i)).output()),
  )
  answers += outputs.filter(({ stdout }, i) => String(stdout) === `${i}\n`).length
  await Promise.all(machines.map((machine) => machine.close()))
}
const after = await descriptors()
const leaked = after.filter((target) => !before.includes(target))
process.stdout.write(JSON.stringify({ opened, leaked, answers }))
