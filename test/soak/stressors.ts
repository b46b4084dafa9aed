// stress-ng's classes cpu, memory and vm, stressor by stressor, and which of them are left out and why. The lists are
// those of stress-ng 0.15.06 (`stress-ng --class cpu?`).

/** Left out, with the reason. What is not here must run, and its own checks must hold. */
export const excluded: Readonly<Record<string, string>> = {
  'cpu-online': 'switches processors on and off: there is one',
  'ipsec-mb': 'its library ends without a word on a processor of Intel that has no AES instructions',
  mlockmany: 'pathological by its own account',
  'oom-pipe': 'pathological by its own account',
  ioport: 'port 0x80, to which the guest kernel gives programs no access',
  numa: 'no NUMA nodes',
  plugin: 'needs a shared library of the user',
  rdrand: 'the processor has no RDRAND',
  rseq: 'registers a second time what the C library has registered',
  secretmem: 'the guest kernel has no memfd_secret',
  smi: 'raises system management interrupts: pathological by its own account, and there are none',
  swap: 'the guest kernel has no swap',
  tmpfs: 'finds no tmpfs that it likes',
  uprobe: 'the guest kernel has no tracing',
  userfaultfd: 'the guest kernel has no userfaultfd',
  watchdog: 'pathological by its own account, and there is no /dev/watchdog',
}

const CPU =
  'af-alg atomic branch bsearch context cpu cpu-online crypt fp fp-error funccall funcret getrandom goto hash ' +
  'heapsort hsearch ioport ipsec-mb jpeg judy list longjmp lsearch matrix matrix-3d mergesort nop numa opcode pkey ' +
  'plugin prefetch priv-instr qsort radixsort rdrand regs rotate rseq secretmem shellsort skiplist smi sparsematrix ' +
  'str stream syncload tree tsc tsearch uprobe vecfp vecmath vecshuf vecwide waitcpu wcs x86cpuid zlib'
const MEMORY =
  'atomic bad-altstack bsearch context full heapsort hsearch judy list lockbus lsearch malloc matrix matrix-3d ' +
  'mcontend membarrier memcpy memfd memrate memthrash mergesort mincore misaligned null numa oom-pipe pipe pipeherd ' +
  'prefetch qsort radixsort randlist remap resources rmap shellsort skiplist sparsematrix stack stackmmap str stream ' +
  'tlb-shootdown tmpfs tree tsearch vm vm-addr vm-rw vm-segv wcs zero zlib'
const VM =
  'bad-altstack bigheap brk dev-shm env madvise malloc mlock mlockmany mmap mmapaddr mmapfixed mmapfork mmaphuge ' +
  'mmapmany mprotect mremap msync msyncmany munmap pagemove pageswap physpage shm shm-sysv stack stackmmap swap tmpfs ' +
  'userfaultfd vm vm-addr vm-rw vm-segv vm-splice watchdog'

/** The classes in turn, so that a short run sees something of each; a stressor of two classes comes once. */
export function stressors(): string[] {
  const classes = [CPU, MEMORY, VM].map((names) => names.split(' '))
  const turns = Math.max(...classes.map((names) => names.length))
  const all = Array.from({ length: turns }, (_, i) =>
    classes.flatMap((names) => names.slice(i, i + 1)),
  ).flat()
  return [...new Set(all)].filter((name) => excluded[name] === undefined)
}

/** Sizes that fit a machine of 1 GiB several times. */
const SIZES = ['--vm-bytes', '128M', '--mmap-bytes', '128M', '--shm-bytes', '16M', '--memrate-bytes', '64M']
/** Other seeds in every round, the same in every soak. */
export function stressNg(name: string, seconds: number, round: number): string[] {
  const always = ['--verify', '--log-brief', '--temp-path', '/tmp', '--oomable', ...SIZES]
  return [`--${name}`, '1', '--timeout', String(seconds), '--seed', String(round + 1), ...always]
}

/** @param output what stress-ng wrote */
export function judgeStressor(code: number | null, output: string): 'ok' | 'skipped' | string {
  const complaints = output.split('\n').filter((line) => /\bfail(ed|ure)?: (?!0\b)/.test(line))
  if (complaints.length > 0) return complaints.join('\n')
  if (/No stress workers invoked|skipped: [1-9]/.test(output) || code === 3 || code === 4) return 'skipped'
  return code === 0 ? 'ok' : `ended with ${code}:\n${output.slice(-2000)}`
}
