// Section `kernels`: bench/guest/kernels.c, one row a kernel. Amounts are such that
// QEMU takes about 1 to 3 s: translating the few hot blocks hardly matters then. Natively that is 0.1 to 0.7 s.

import { compileForGuest, rootOf } from '../lib/guest-programs.ts'
import { MARKS_FILE, runInOurs } from './inlinux.ts'
import { ON_ONE_PROCESSOR, runNatively } from './native.ts'
import { runInTcg } from './qemu.ts'
import type { Row } from './rounds.ts'
import { GLIBC_TUNABLES, type Setting } from './section.ts'

const KERNELS = [
  ['calls', 37, 'call and ret: recursive Fibonacci'],
  ['integers', 120_000_000, 'integer loop in registers'],
  ['sieve', 80, 'sieve, 1 MiB'],
  ['chase-near', 200_000_000, 'pointer chase, 16 KiB'],
  ['chase-far', 2_000_000, 'pointer chase, 8 MiB'],
  ['sha256', 250, 'SHA-256 in plain C'],
  ['nbody', 800_000, 'n-body, double'],
  ['copies', 40_000, 'SSE2: 16-byte copies'],
  ['interpreter', 3_000_000, 'bytecode interpreter, one switch'],
  ['memory-short', 800_000, 'memcpy, memmove, memset: 3 to 256 bytes'],
  ['memory-long', 1500, 'memcpy, memmove, memset: 1 KB to 1 MiB'],
  ['longdoubles', 12_000_000, 'x87, long double'],
  ['atomics', 100_000_000, 'lock xadd, lock cmpxchg'],
  ['getppids', 2_500_000, 'system calls: getppid'],
  ['pingpong', 20_000, 'pipe ping-pong of two processes'],
  ['processes', 200, 'fork, exec, wait of a static program'],
  ['pagefaults', 200, 'mmap, touch, munmap'],
  ['writescode', 10_000, 'code written at run time, each piece run 1,000 times'],
] as const

const environment = { GLIBC_TUNABLES }

export async function kernels({ folder, guest, qemuInitramfs, limitSeconds }: Setting): Promise<Row[]> {
  const program = await compileForGuest('kernels', folder, 'gcc')
  const root = await rootOf([program], folder)
  const qemu = { guest: { ...guest, root }, initramfs: qemuInitramfs }
  const ours = { root, memory: '128MiB', disks: [] }
  return KERNELS.map(([name, amount, what]) => {
    const words = [name, `${amount}`]
    const task = { command: ['/bin/kernels', ...words], environment, limitSeconds }
    const withMarks = { ...task, command: [...task.command, MARKS_FILE] }
    return {
      name,
      what,
      sides: {
        native: () => runNatively({ ...task, command: [...ON_ONE_PROCESSOR, program, ...words] }),
        qemu: () => runInTcg(task, qemu),
        inlinux: () => runInOurs(withMarks, ours),
      },
    }
  })
}
