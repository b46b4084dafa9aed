// A real machine from start to end, with the time and the guest instructions of each phase.

import { Machine } from '../machine/index.ts'
import type { BootCheck, DoctorOptions } from './report.ts'

type Phase = BootCheck['phases'][number]

/** @throws VmError when the machine does not start, Error when `true` does not run in it */
export async function trialBoot({ memory, signal }: DoctorOptions): Promise<BootCheck> {
  const phases: Phase[] = []
  let since = performance.now()
  let executed = 0
  const mark = (name: Phase['name'], instructions: bigint): void => {
    const now = performance.now()
    phases.push({ name, milliseconds: now - since, instructions: Number(instructions) - executed })
    since = now
    executed = Number(instructions)
  }

  const machine = await Machine.start({
    ...(memory === undefined ? {} : { memory }),
    ...(signal === undefined ? {} : { signal }),
  })
  try {
    mark('boot', machine.counters().instructions)
    const process = await machine.start({
      program: '/bin/true',
      argv: ['true'],
      env: [],
      stdin: 'null',
      stdout: 'null',
      stderr: 'null',
    })
    const { code } = await process.exited
    if (code !== 0) throw new Error('/bin/true did not succeed in the trial machine')
    mark('program', machine.counters().instructions)
  } finally {
    await machine.close()
  }
  const counters = machine.counters()
  mark('close', counters.instructions)
  return {
    engine: machine.engine,
    phases,
    exceptions: Number(counters.exceptions),
    interrupts: Number(counters.interrupts),
    unknownInstructions: counters.unknownInstructions,
    lastUnknownInstruction: counters.lastUnknownInstruction,
  }
}
