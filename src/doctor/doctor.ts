// The examination: each check gives its part of the report, or a problem.

import { stat } from 'node:fs/promises'
import { locateGuest } from '../artifacts/index.ts'
import { VmError } from '../errors/index.ts'
import { checkCache } from './cache.ts'
import { checkEngines } from './engines.ts'
import { features, hostFacts, nodeProblem } from './host.ts'
import type { BootCheck, DoctorOptions, DoctorReport, GuestCheck, GuestFile, Problem } from './report.ts'
import { trialBoot } from './trial-boot.ts'
import { version } from './version.ts'

/** Looks whether machines can run here. Never rejects: what is wrong is in `problems`, each with its fix. */
export async function doctor(options: DoctorOptions = {}): Promise<DoctorReport> {
  const problems: Problem[] = []
  const note = (problem: Problem | undefined): void => {
    if (problem !== undefined) problems.push(problem)
  }

  note(nodeProblem())
  const found = features()
  for (const { name, available, neededFor } of found) {
    if (!available)
      note({ message: `${name} is missing (needed for ${neededFor})`, fix: 'Use a newer Node.' })
  }
  const { engine, problem } = await checkEngines()
  note(problem)
  const guest = await checkGuest().catch((error: unknown) => note(problemOf(error)))
  const cache = await checkCache()
  const warnings: Problem[] = []
  if (!cache.writable) {
    const fix = 'Make the folder writable, or name another one in XDG_CACHE_HOME.'
    warnings.push({ message: `No root file system can be converted: ${cache.path} cannot be written`, fix })
  }

  let boot: BootCheck | undefined
  if (options.boot === true && engine.chosen !== undefined && guest !== undefined) {
    boot = (await trialBoot(options).catch((error: unknown) => note(problemOf(error)))) ?? undefined
  }
  return {
    healthy: problems.length === 0,
    problems,
    warnings,
    version: version(),
    host: hostFacts(),
    features: found,
    engine,
    guest: guest ?? undefined,
    cache,
    boot,
  }
}

async function checkGuest(): Promise<GuestCheck> {
  const { kernel, initramfs, root, ...rest } = await locateGuest()
  return { ...rest, kernel: await file(kernel), initramfs: await file(initramfs), root: await file(root) }
}

async function file(path: string): Promise<GuestFile> {
  return { path, bytes: (await stat(path)).size }
}

function problemOf(error: unknown): Problem {
  const { message } = error instanceof Error ? error : new Error(String(error))
  const fix = error instanceof VmError ? error.fix : undefined
  // A VmError says its fix also at the end of its message.
  return { message: fix === undefined ? message : message.replace(`\nFix: ${fix}`, ''), fix }
}
