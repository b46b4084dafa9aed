// Section `start`: a cold `spawn()` to the first byte of `/bin/echo x`, in a node process that has not had a machine yet,
// against QEMU from the start of its process. bench/start.ts has more about starts. Natively there is nothing to boot.

import { freshStart } from '../lib/fresh-process.ts'
import { runInQemu } from '../lib/qemu.ts'
import type { Measured } from './peer.ts'
import type { Row } from './rounds.ts'
import type { Setting } from './section.ts'

export async function start({ guest, qemuInitramfs }: Setting): Promise<Row[]> {
  const qemu = async (): Promise<Measured> => {
    const run = await runInQemu({ guest, initramfs: qemuInitramfs, program: ['/bin/echo', 'x'] })
    return { wall: run.toFirstByte, cpu: run.cpuToFirstByte, output: `${run.output}` }
  }
  return [
    {
      name: 'spawn',
      what: 'cold `spawn()` to first byte',
      sides: {
        qemu,
        inlinux: async () => {
          const { starts, output } = await freshStart(1)
          const { firstByte, cpu } = starts[0]!
          return { wall: firstByte, cpu, output: programOutput(output) }
        },
      },
    },
  ]
}

/** What comes after it is the process's report. */
function programOutput(stdout: string): string {
  return stdout.slice(0, stdout.indexOf('{'))
}
