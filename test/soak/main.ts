// `npm run soak -- --minutes N`: one machine works for that long (works.ts), and every ten seconds it is written down what
// the process holds. At the end the verdict: every check value right, no verification failed, nothing grew.
//
//   --minutes N     60
//   --json FILE     all samples
//   --seconds S     for each stressor, 10

import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { image, Machine } from '../../src/index.ts'
import { debianRoot } from '../programs/debian-root.ts'
import { leftOut, type SoakWork, soakWorks } from './works.ts'

const SAMPLE_MS = 10_000
/** How much more may be resident in the last quarter than in the second one, in medians. */
const GROWTH_LIMIT = 1.15
const DESCRIPTOR_LIMIT = 4

interface Sample {
  readonly minutes: number
  readonly rssMiB: number
  readonly externalMiB: number
  readonly descriptors: number
  readonly handles: number
  readonly instructions: number
  readonly liveRegions: number
  readonly regions: number
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    json: { type: 'string' },
    seconds: { type: 'string', default: '10' },
  },
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new RangeError('--minutes: a number above 0')

const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C.UTF-8' }
const root = debianRoot()
const works = soakWorks(Number(values.seconds))
const expected = new Map<string, string>()
for (const { name, script, compared } of works)
  if (compared && !expected.has(name)) expected.set(name, natively(script))
process.stderr.write(`left out: ${leftOut}\n`)

const machine = await Machine.start({
  image: image.fromTar(path.join(root, 'root.tar')),
  memory: '1GiB',
  bootTimeout: 300_000,
})
const start = performance.now()
const samples: Sample[] = []
const failures: string[] = []
const sampler = setInterval(() => sample(), SAMPLE_MS)
let rounds = 0
try {
  // Ends with the time; each work has a time limit of its own.
  for (; elapsed() < minutes; rounds++) await run(works[rounds % works.length]!)
} finally {
  clearInterval(sampler)
  await machine.close()
}
finish()

function elapsed(): number {
  return (performance.now() - start) / 60_000
}

function natively(script: string): string {
  const options = { encoding: 'utf8', env: environment } as const
  return execFileSync('/usr/sbin/chroot', [path.join(root, 'tree'), '/bin/sh', '-c', script], options)
}

async function run({ name, script, compared }: SoakWork): Promise<void> {
  const began = elapsed()
  const command = machine
    .command('/bin/sh')
    .args(['-c', script])
    .envClear()
    .envs(environment)
    .timeout(600_000)
  let complaint = ''
  try {
    const { status, stdout, stderr } = await command.output()
    const text = Buffer.from(stdout).toString()
    if (!status.success)
      complaint = `${JSON.stringify(status)} ${Buffer.from(stderr).toString().slice(-400)}${text.slice(-400)}`
    else if (compared && text !== expected.get(name)) complaint = `printed ${text}, not ${expected.get(name)}`
  } catch (error) {
    complaint = `${error}`
  }
  const seconds = (elapsed() - began) * 60
  process.stderr.write(
    `${began.toFixed(1)} min  ${name}: ${complaint === '' ? 'ok' : complaint} (${seconds.toFixed(1)} s)\n`,
  )
  if (complaint !== '') failures.push(`${name}: ${complaint}`)
}

function sample(): void {
  const { rss, external } = process.memoryUsage()
  const { instructions, translator } = machine.counters()
  const now: Sample = {
    minutes: elapsed(),
    rssMiB: rss / 2 ** 20,
    externalMiB: external / 2 ** 20,
    descriptors: readdirSync('/proc/self/fd').length,
    handles: process.getActiveResourcesInfo().length,
    instructions: Number(instructions),
    liveRegions: translator.live,
    regions: translator.regions,
  }
  samples.push(now)
  const { rssMiB, externalMiB, descriptors, handles, liveRegions, regions } = now
  process.stdout.write(
    `${now.minutes.toFixed(1)} min  rss ${rssMiB.toFixed(0)} MiB  external ${externalMiB.toFixed(0)} MiB  fds ${descriptors}  ` +
      `handles ${handles}  ${(now.instructions / 1e9).toFixed(1)} G instructions  regions ${liveRegions} of ${regions}\n`,
  )
}

function finish(): void {
  if (values.json) writeFileSync(values.json, JSON.stringify({ minutes, rounds, failures, samples }, null, 1))
  const quarter = (i: number): Sample[] =>
    samples.filter((one) => one.minutes >= (minutes * i) / 4 && one.minutes < (minutes * (i + 1)) / 4)
  const growth = median(quarter(3).map((one) => one.rssMiB)) / median(quarter(1).map((one) => one.rssMiB))
  const descriptors =
    Math.max(...quarter(3).map((one) => one.descriptors)) -
    Math.max(...quarter(1).map((one) => one.descriptors))
  const verdict = [
    [`${rounds} works, ${failures.length} failed`, failures.length === 0],
    [
      `resident memory, last quarter ÷ second quarter: ${growth.toFixed(2)} (limit ${GROWTH_LIMIT})`,
      growth <= GROWTH_LIMIT,
    ],
    [
      `file descriptors more than in the second quarter: ${descriptors} (limit ${DESCRIPTOR_LIMIT})`,
      descriptors <= DESCRIPTOR_LIMIT,
    ],
  ] as const
  for (const [what, fine] of verdict) process.stdout.write(`${fine ? 'ok' : 'FAILED'}  ${what}\n`)
  for (const failure of failures) process.stdout.write(`  ${failure}\n`)
  if (verdict.some(([, fine]) => !fine)) process.exitCode = 1
}

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
