// Does the lock-step tool notice anything at all? A core whose parity flag is broken on purpose must be caught.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare } from './lockstep.ts'

const built = fileURLToPath(new URL('../../../../src/engine/soft/core.wasm', import.meta.url))

/** Steps a program on a core that counts zeros where PF needs ones. @returns what the tool found */
export async function differenceOfBrokenCore(program: string): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'inlinux-lockstep-'))
  try {
    const core = path.join(folder, 'core.wasm')
    const wasm = readFileSync(built)
    // i32.popcnt before i32.const 1, i32.and: the parity. It becomes i32.ctz.
    const pattern = Buffer.from([0x69, 0x41, 0x01, 0x71])
    let found = 0
    for (let at = wasm.indexOf(pattern); at >= 0; at = wasm.indexOf(pattern, at + 1)) {
      wasm[at] = 0x68
      found++
    }
    if (found === 0) throw new Error('the core has no parity computation to break')
    writeFileSync(core, wasm)
    const { difference } = await compare([program, 'true'], { from: 0, core })
    return difference ?? 'no difference'
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
