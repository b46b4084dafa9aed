// What runs between the stressors: programs that print what they computed. Each runs natively first, in a chroot of the
// same Debian root; what it prints there is what it must print in the machine, every time.

import type { Work } from '../programs/sides.ts'

export interface CheckedWork extends Work {
  readonly name: string
}

const SECONDS = 900
const work = (name: string, script: string): CheckedWork => ({ name, script, timeoutSeconds: SECONDS })
const compiled = (flags: string, file: string): CheckedWork =>
  work(
    `gcc ${flags} ${file}`,
    `gcc -w ${flags} -S -o - c/${file} | sha256sum && gcc -w -pthread -mcx16 ${flags} -o program c/${file} -lm -lquadmath && ulimit -c 0 && ./program | sha256sum`,
  )

/** Kinds of work in turn: a short soak has done each kind once. */
export const works: readonly CheckedWork[] = [
  work('python3 benchmark', 'exec python3 soak/benchmark.py'),
  work('node churn', 'exec node soak/churn.js'),
  compiled('-O1', 'integers.c'),
  work('python3 texts', 'exec python3 python/texts.py'),
  work('node churn, small heap', 'exec node --max-semi-space-size=1 soak/churn.js'),
  compiled('-O2', 'strings.c'),
]
