// `inlinux doctor`: the library's report as text, or as it is (JSON).

import { type BootCheck, type DoctorReport, doctor } from '../index.ts'
import { type Ending, OK } from './ending.ts'
import { ProgressLine } from './terminal.ts'

/** The options, as the grammar in cli.ts names them. */
export interface DoctorWords {
  readonly boot?: boolean
  readonly json?: boolean
  readonly memory?: string
}

const UNHEALTHY: Ending = { code: 1 }

export async function examine({ boot = false, json = false, memory }: DoctorWords): Promise<Ending> {
  const progress = new ProgressLine()
  progress.say(boot ? 'starting a machine' : 'looking around')
  const report = await doctor({ boot, ...(memory === undefined ? {} : { memory }) })
  progress.end()
  const text = json ? `${JSON.stringify(report, null, 2)}\n` : describe(report)
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()))
  return report.healthy ? OK : UNHEALTHY
}

function describe(report: DoctorReport): string {
  const { host, guest, engine, cache, boot } = report
  const sections: [title: string, lines: string[]][] = [
    ['inlinux', [report.version]],
    [
      'host',
      [`Node ${host.node} (V8 ${host.v8}), ${host.platform} ${host.osRelease} ${host.arch}`, hardware(host)],
    ],
    ['features', report.features.map(({ name, available }) => `${available ? 'yes' : 'NO '} ${name}`)],
    ['engine', engineLines(engine)],
    ['guest', guest === undefined ? ['none that can be used'] : guestLines(guest)],
    [
      'cache',
      [
        cache.path,
        `${cache.images} images, ${size(cache.imageBytes)}${cache.writable ? '' : ', NOT WRITABLE'}`,
      ],
    ],
    ...(boot === undefined ? [] : ([['trial boot', bootLines(boot)]] as [string, string[]][])),
    ...report.warnings.map(({ message, fix }): [string, string[]] => ['warning', remedy(message, fix)]),
    ...report.problems.map(({ message, fix }): [string, string[]] => ['PROBLEM', remedy(message, fix)]),
    ['result', [report.healthy ? 'machines can run here' : 'machines cannot run here']],
  ]
  return sections
    .map(([title, lines]) => `${title.padEnd(12)}${lines.join(`\n${' '.repeat(12)}`)}\n`)
    .join('')
}

const hardware = ({ cpus, cpuModel, memoryBytes, freeMemoryBytes }: DoctorReport['host']): string =>
  `${cpus} CPUs (${cpuModel}), ${size(memoryBytes)} memory, ${size(freeMemoryBytes)} free`

function engineLines({ chosen, reason, engines }: DoctorReport['engine']): string[] {
  const each = engines.map(({ name, usable, reason }) => `${usable ? 'yes' : 'no '} ${name}: ${reason}`)
  return [`${chosen ?? 'none'}: ${reason}`, ...each]
}

function guestLines(guest: NonNullable<DoctorReport['guest']>): string[] {
  const { kernelRelease = 'unknown', kernelSource, compiler, origin } = guest
  const made = [kernelSource && `source package ${kernelSource}`, compiler && `gcc ${compiler}`]
    .filter(Boolean)
    .join(', ')
  const files = (['kernel', 'initramfs', 'root'] as const).map(
    (name) => `${name.padEnd(10)}${size(guest[name].bytes).padStart(9)}  ${guest[name].path}`,
  )
  return [`Linux ${kernelRelease}${made === '' ? '' : ` (${made})`}, from: ${origin}`, ...files]
}

function bootLines({ phases, ...counters }: BootCheck): string[] {
  const unknown = counters.unknownInstructions
  const last = unknown === 0 ? '' : `, the last one ${counters.lastUnknownInstruction}`
  return [
    ...phases.map(
      ({ name, milliseconds, instructions }) =>
        `${name.padEnd(8)}${milliseconds.toFixed(0).padStart(7)} ms  ${(instructions / 1e6).toFixed(1).padStart(7)} million instructions`,
    ),
    `${counters.exceptions} exceptions, ${counters.interrupts} interrupts, ${unknown} unknown instructions${last}`,
  ]
}

function remedy(message: string, fix: string | undefined): string[] {
  return [...message.split('\n'), ...(fix === undefined ? [] : [`Fix: ${fix}`])]
}

function size(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)} GiB`
  return bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${Math.ceil(bytes / 2 ** 10)} KiB`
}
