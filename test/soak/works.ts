// What the soak runs, in rotation: stress-ng's own verification by stressor, and programs with a check value. The check
// values are computed natively, in the same Debian tree, before the machine starts.

export interface SoakWork {
  readonly name: string
  readonly script: string
  /** The output must equal the native one; stress-ng's names processes and times, so only its status counts. */
  readonly compared: boolean
}

/** Left out: they need devices, kernel features or rights that the machine does not have, or halt CPUs on purpose. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'af-alg': 'no AF_ALG in the guest kernel',
  'cpu-online': 'takes CPUs offline',
  ioport: 'port access from user space',
  'ipsec-mb': 'needs AVX',
  numa: 'no NUMA',
  pkey: 'no protection keys',
  rdrand: 'the CPU has no RDRAND',
  secretmem: 'not in the guest kernel',
  smi: 'raises SMIs through port 0xb2',
  uprobe: 'not in the guest kernel',
  rseq: 'not in the guest kernel',
  'priv-instr': 'counts on instructions that trap differently by CPU',
  waitcpu: 'needs WAITPKG',
  physpage: 'not in the guest kernel',
  swap: 'no swap in the guest kernel',
  userfaultfd: 'not in the guest kernel',
  watchdog: 'no watchdog device',
  bigheap: 'runs until memory is out',
  resources: 'runs until resources are out',
  'oom-pipe': 'runs until memory is out',
  pageswap: 'no swap',
  full: 'needs /dev/full tests that take a file system',
  lockbus: 'split locks are no different here',
}

const STRESSORS = [
  ...[
    'atomic',
    'branch',
    'bsearch',
    'context',
    'cpu',
    'crypt',
    'fp',
    'fp-error',
    'funccall',
    'funcret',
    'goto',
    'hash',
  ],
  ...[
    'heapsort',
    'hsearch',
    'jpeg',
    'judy',
    'list',
    'longjmp',
    'lsearch',
    'matrix',
    'matrix-3d',
    'mergesort',
    'nop',
  ],
  ...[
    'opcode',
    'prefetch',
    'qsort',
    'radixsort',
    'regs',
    'rotate',
    'shellsort',
    'skiplist',
    'sparsematrix',
    'str',
  ],
  ...[
    'stream',
    'syncload',
    'tree',
    'tsc',
    'tsearch',
    'vecfp',
    'vecmath',
    'vecshuf',
    'vecwide',
    'wcs',
    'x86cpuid',
    'zlib',
  ],
  ...[
    'malloc',
    'membarrier',
    'memcpy',
    'memfd',
    'memrate',
    'memthrash',
    'mincore',
    'misaligned',
    'null',
    'pipe',
  ],
  ...[
    'randlist',
    'remap',
    'rmap',
    'stack',
    'stackmmap',
    'vm',
    'vm-addr',
    'vm-rw',
    'vm-segv',
    'zero',
    'brk',
    'mmap',
  ],
  ...[
    'mmapfixed',
    'mmapfork',
    'mmapmany',
    'mprotect',
    'mremap',
    'munmap',
    'madvise',
    'shm',
    'bad-altstack',
    'env',
  ],
].filter((name) => !(name in LEFT_OUT))

const python = `python3 -c "
import hashlib,random,re,json
random.seed(7)
def sieve(n):
    s=bytearray([1])*(n+1)
    for i in range(2,int(n**.5)+1):
        if s[i]: s[i*i::i]=bytes(len(s[i*i::i]))
    return sum(s[2:])
d={}
for i in range(40000): d[random.randrange(5000)]=d.get(i%977,0)+i
t=json.dumps(sorted(d.items()))
print(sieve(100000),hashlib.sha256(t.encode()).hexdigest(),len(re.findall(r'[13579]\\\\]',t)))"`

const node = `node -e "
let h=0
for(let i=0;i<3000;i++){const f=new Function('a','b','return (a*'+(i%97)+'+b^'+i+')|0');for(let j=0;j<40;j++)h=f(h,j)}
const o={};for(let i=0;i<300000;i++){o[i%1000]=(o[i%1000]||0)+i%7;h=(h*31+i)|0}
console.log(h,Object.values(o).reduce((a,b)=>a+b,0))"`

const gcc = `cat > /tmp/soak.c <<'X'
#include <stdio.h>
static unsigned f(unsigned n){return n<2?n:f(n-1)+f(n-2);}
int main(void){double s=0;for(int i=1;i<100000;i++)s+=1.0/i/i;printf("%u %.12f\\n",f(24),s);return 0;}
X
for o in -O0 -O1 -O2 -O3; do gcc $o -o /tmp/soak /tmp/soak.c && /tmp/soak; done`

/** @param seconds for each stressor */
export function soakWorks(seconds: number): SoakWork[] {
  const checked = [
    { name: 'python3', script: python, compared: true },
    { name: 'node', script: node, compared: true },
    { name: 'gcc', script: gcc, compared: true },
  ]
  // Four stressors, one after the other, then one of the programs.
  const works: SoakWork[] = []
  for (let i = 0; i < STRESSORS.length; i += 4) {
    for (const name of STRESSORS.slice(i, i + 4)) {
      const options = `--${name} 1 --timeout ${seconds}s --verify --temp-path /tmp --oomable`
      works.push({ name: `stress-ng ${name}`, script: `stress-ng ${options}`, compared: false })
    }
    works.push(checked[(i / 4) % checked.length]!)
  }
  return works
}

export const leftOut: string = Object.entries(LEFT_OUT)
  .map(([name, why]) => `${name} (${why})`)
  .join(', ')
