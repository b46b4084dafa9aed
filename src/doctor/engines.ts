// Which engine machines use, and whether it can be made to run.
//
// There is no choice yet: the software engine is the only one in this version. The report says so, and has the
// shape that a choice between engines will need.

import { type CpuOutside, CpuThread } from '../engine/index.ts'
import type { EngineCheck, Problem } from './report.ts'

/** RAM of the trial: 1 MiB is enough to make the memory, compile the core, and start and end its thread. */
const TRIAL_BYTES: number = 2 ** 20

const UNUSED: CpuOutside = {
  mmioRead: () => 0n,
  mmioWrite: () => {},
  portRead: () => 0,
  portWrite: () => {},
  notified: () => {},
  ended: () => {},
}

export async function checkEngines(): Promise<{ engine: EngineCheck; problem: Problem | undefined }> {
  const failure = await softFailure()
  const kvm = {
    name: 'kvm' as const,
    usable: false,
    reason: 'this version of inlinux has no KVM engine; /dev/kvm is not used',
  }
  if (failure === undefined) {
    const soft = { name: 'soft' as const, usable: true, reason: 'its CPU thread starts' }
    const reason =
      'the only engine in this version: an x86-64 processor in software, which translates hot code to WebAssembly'
    return { engine: { chosen: 'soft', reason, engines: [soft, kvm] }, problem: undefined }
  }
  const soft = { name: 'soft' as const, usable: false, reason: failure.message }
  return {
    engine: { chosen: undefined, reason: 'no engine is usable', engines: [soft, kvm] },
    problem: {
      message: `The software engine does not start: ${failure.message}`,
      fix:
        failure.code === 'ENOENT' ? 'Install inlinux again; in a checkout run `npm run build`.' : undefined,
    },
  }
}

async function softFailure(): Promise<NodeJS.ErrnoException | undefined> {
  try {
    const cpu = await CpuThread.create(TRIAL_BYTES, UNUSED)
    await cpu.close()
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
