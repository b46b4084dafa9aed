// `npm run soak`: one machine that works for a long time, watched from outside.
//
//   npm run soak -- [--minutes N] [--json FILE] [--seconds N] [--memory SIZE] [--stressors REGEXP]
//
//   --minutes N        how long (60)
//   --json FILE        all samples, all work and the verdict
//   --seconds N        of each stressor (3)
//   --memory SIZE      of the machine (1GiB)
//   --stressors REGEXP only these
//
// In turn: a stressor of stress-ng with --verify, then a piece of other work (works.ts) whose output is known from a
// native run. Every ten seconds a line about the process; at the end the verdict, and 1 if it is not clean. Needs root,
// for the Debian root and its chroot. Ctrl-C ends it early, with a verdict. Variables of the environment reach the
// engine as they are.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Machine } from '../../src/index.ts'
import { memoryBytes } from '../../src/machine/index.ts'
import { debianRoot } from '../programs/debian-root.ts'
import { boot, NativeSide, type Outcome, runIn } from '../programs/sides.ts'
import { line, type Sample, sample } from './samples.ts'
import { excluded, judgeStressor, stressNg, stressors } from './stressors.ts'
import { type Done, judge } from './verdict.ts'
import { works } from './works.ts'

const SAMPLE_MS = 10_000
const STRESSOR_SECONDS = 900

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    json: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    memory: { type: 'string', default: '1GiB' },
    stressors: { type: 'string', default: '' },
  },
})
const tell = (text: string): void => void process.stdout.write(`${text}\n`)

const samples: Sample[] = []
const done: Done[] = []
let doing = ''
let interrupted = false
process.once('SIGINT', () => {
  interrupted = true
  tell('ending after this piece of work')
})

const root = debianRoot()
const expected = await natively(join(root, 'tree'))
for (const [name, reason] of Object.entries(excluded)) tell(`without ${name}: ${reason}`)
const machine = await boot(join(root, 'root.tar'), values.memory)
const started = performance.now()
const seconds = (): number => (performance.now() - started) / 1000
const guestBytes = memoryBytes(values.memory)
await touchMemory(machine)
const timer = setInterval(take, SAMPLE_MS)
try {
  await soak(machine, Number(values.minutes) * 60)
} finally {
  clearInterval(timer)
  await machine.close()
}
const verdict = judge(samples, done)
for (const text of verdict.lines) tell(text)
if (values.json !== undefined)
  writeFileSync(
    values.json,
    JSON.stringify({ ...circumstances(), samples, done, verdict, excluded }, null, 1),
  )
if (!verdict.clean) process.exitCode = 1

/** What the works print on this computer. */
async function natively(tree: string): Promise<ReadonlyMap<string, Outcome>> {
  const side = new NativeSide(tree)
  try {
    const outcomes = new Map<string, Outcome>()
    for (const work of works) {
      const outcome = await side.run(work)
      if (outcome.code !== 0 || outcome.stdout === '')
        throw new Error(`natively ${work.name} fails already, with ${outcome.code}:\n${outcome.stderr}`)
      outcomes.set(work.name, outcome)
    }
    return outcomes
  } finally {
    await side.close()
  }
}

/** All that the guest will ever touch, once, so that its share of the process does not look like growth. */
async function touchMemory(machine: Machine): Promise<void> {
  const words = ['--vm', '1', '--vm-bytes', '85%', '--vm-ops', '1', '--vm-method', 'zero-one', '--log-brief']
  await machine.command('stress-ng').args(words).output()
}

async function soak(machine: Machine, limit: number): Promise<void> {
  const pattern = new RegExp(values.stressors)
  const names = stressors().filter((name) => pattern.test(name))
  for (let i = 0; seconds() < limit && !interrupted; i++) {
    const name = names[i % names.length]!
    await piece(`stress-ng ${name}`, () => stress(machine, name, Math.floor(i / names.length)))
    if (seconds() >= limit || interrupted) return
    const work = works[i % works.length]!
    await piece(work.name, async () => compare(expected.get(work.name)!, await runIn(machine, work)))
  }
}

async function piece(name: string, run: () => Promise<string>): Promise<void> {
  doing = name
  const from = seconds()
  const result = await run().catch((error) => `${error}`)
  done.push({ name, seconds: seconds() - from, result })
  if (result !== 'ok') tell(`${result === 'skipped' ? 'skipped' : 'WRONG'}: ${name}: ${result}`)
}

async function stress(machine: Machine, name: string, round: number): Promise<string> {
  const command = machine.command('stress-ng').args(stressNg(name, Number(values.seconds), round))
  const { status, stdout, stderr } = await command
    .currentDir('/tmp')
    .timeout(STRESSOR_SECONDS * 1000)
    .output()
  return judgeStressor(status.code, `${stdout}${stderr}`)
}

function compare(native: Outcome, guest: Outcome): string {
  if (guest.code === native.code && guest.stdout === native.stdout && guest.stderr === native.stderr)
    return 'ok'
  return `natively ${native.code}\n${native.stdout}${native.stderr}in the machine ${guest.code}\n${guest.stdout}${guest.stderr}`
}

function take(): void {
  const now = sample(machine, seconds(), guestBytes)
  tell(line(now, samples.at(-1), `${done.length} done, ${doing}`))
  samples.push(now)
}

function circumstances(): object {
  const variables = Object.entries(process.env).filter(([name]) => name.startsWith('INLINUX_'))
  return { options: values, variables: Object.fromEntries(variables), node: process.version }
}
