// `inlinux profile`: runs a program as `inlinux run` does, with stdin, stdout and stderr as they are, and writes to stderr
// where the machine's time went while it ran.

import { image, Machine, type ProfileReport } from '../index.ts'
import { type Ending, FAILURE } from './ending.ts'
import { explain } from './failure.ts'
import type { Variables } from './option-values.ts'
import { complain } from './terminal.ts'

/** The options, as the grammar in cli.ts names them. */
export interface ProfileWords {
  readonly image?: string
  readonly env?: Variables
  readonly memory?: string
  readonly times?: number
  readonly json?: boolean
}

export async function profile([program, ...args]: readonly string[], words: ProfileWords): Promise<Ending> {
  if (program === undefined) {
    complain('no PROGRAM given')
    return FAILURE
  }
  let machine: Machine | undefined
  try {
    machine = await Machine.start({
      ...(words.image === undefined ? {} : { image: image.fromPath(words.image) }),
      ...(words.memory === undefined ? {} : { memory: words.memory }),
    })
    let ending: Ending = { code: 0 }
    // Bounded: as often as was asked for.
    for (let i = 1; i <= (words.times ?? 1); i++) {
      const command = machine.command(program).args(args)
      if (words.env !== undefined) command.envs(words.env)
      const taking = machine.profile()
      const { code, signal } = await (await command.spawn()).wait()
      const report = taking.stop()
      process.stderr.write(
        words.json
          ? `${toJson(report)}\n`
          : `${words.times === undefined ? '' : `run ${i}\n`}${describe(report)}`,
      )
      ending = signal === null ? { code: code ?? 0 } : { signal }
    }
    return ending
  } catch (error) {
    return explain(error)
  } finally {
    await machine?.close()
  }
}

const toJson = (report: ProfileReport): string =>
  JSON.stringify(report, (_key, value) => (typeof value === 'bigint' ? `${value}` : value), 2)

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`.padStart(7)

export function describe({ milliseconds, samples, tiers, hottest, counters }: ProfileReport): string {
  const { translator } = counters
  const instructions = Number(counters.instructions)
  const interpreted = Number(counters.instructionsInterpreted)
  const entered = Number(counters.regionsEntered)
  const each = (count: bigint | number): string =>
    Number(count) === 0 ? 'none' : `one in ${(instructions / Number(count)).toFixed(0)} instructions`
  const perInstruction = (amount: number): string =>
    translator.instructions === 0 ? '' : `, ${((amount * 1000) / translator.instructions).toFixed(1)} µs each`
  const lines = [
    `${milliseconds.toFixed(0)} ms, ${(instructions / 1e6).toFixed(1)} M instructions, ${(instructions / milliseconds / 1e3).toFixed(0)} MIPS`,
    '',
    `time        ${percent(tiers.translated)}  in translated code`,
    `${`(${samples} looks)`.padEnd(12)}${percent(tiers.interpreter)}  in the interpreter`,
    `            ${percent(tiers.none)}  halted, or waiting for a device`,
    '',
    `interpreted ${percent(instructions === 0 ? 0 : interpreted / instructions)}  of the instructions`,
    `entered     ${entered} regions, ${each(entered)}`,
    `left        ${counters.regionsLeftToInterpreter} times in front of an instruction, for the interpreter (${each(counters.regionsLeftToInterpreter)})`,
    `            ${counters.regionsLeftAfterCall} times behind a call of the interpreter: system calls, faults, long repetitions`,
    `TLB         ${counters.tlbMisses} misses (${each(counters.tlbMisses)}), ${counters.tlbFlushes} flushes`,
    `events      ${counters.exceptions} exceptions, ${counters.interrupts} interrupts`,
    `decoded     ${counters.blocksDecoded} blocks`,
    `translated  ${translator.regions} regions of ${translator.instructions} instructions in ${translator.modules} modules, ` +
      `${(translator.bytes / 1024).toFixed(0)} KiB; ${translator.live} regions live`,
    `            ${translator.translateMilliseconds.toFixed(0)} ms to write them${perInstruction(translator.translateMilliseconds)}; ` +
      `${translator.compileMilliseconds.toFixed(0)} ms for V8's first compilation${perInstruction(translator.compileMilliseconds)}`,
    '',
    'hottest',
    ...hottest.map(
      ({ tier, address, user, share }) =>
        `  ${percent(share)}  ${user ? 'user  ' : 'kernel'}  ${address.toString(16).padStart(16, '0')}  ${tier === 'translated' ? 'region' : 'interpreted page'}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}
