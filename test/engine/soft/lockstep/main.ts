// node build/test/engine/soft/lockstep/main.js [--steps | --from N] [--core FILE] PROGRAM ARGUMENT…
//
// Compares a statically linked program on the host's processor with our core, and prints the first difference.
// Without options it runs in blocks, and when those differ steps through the system calls around the difference.

import { compare, type Report } from './lockstep.ts'

const words = process.argv.slice(2)
let from: number | undefined
let core: string | undefined
while (words[0]?.startsWith('--')) {
  const option = words.shift()
  if (option === '--steps') from = 0
  else if (option === '--from') from = Number(words.shift())
  else if (option === '--core') core = words.shift()
}
if (words.length === 0) {
  process.stderr.write('usage: main.js [--steps | --from SYSTEM-CALL] [--core FILE] PROGRAM ARGUMENT…\n')
  process.exit(2)
}
const input = process.stdin.isTTY ? '' : await readAll()
const once = (start: number | undefined, to?: number): Promise<Report> =>
  compare(words, {
    input,
    ...(start === undefined ? {} : { from: start }),
    ...(to === undefined ? {} : { to }),
    ...(core === undefined ? {} : { core }),
    ...(process.stderr.isTTY ? { onProgress: (text: string) => process.stderr.write(`\r${text}    `) } : {}),
  })
const started = Date.now()
let report = await once(from)
print(report)
if (report.difference !== undefined && from === undefined) {
  process.stdout.write('once more, in single steps around it:\n')
  report = await once(Math.max(0, report.systemCalls - 1), report.systemCalls)
  print(report)
}
process.exitCode = report.difference === undefined ? 0 : 1

function print({ difference, steps, systemCalls, instructions }: Report): void {
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  const counts = `${steps} steps, ${systemCalls} system calls, ${instructions} instructions in blocks, ${seconds} s`
  process.stdout.write(
    `\n${difference === undefined ? 'no difference' : `DIFFERENCE ${difference}`}\n${counts}\n`,
  )
}

async function readAll(): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
