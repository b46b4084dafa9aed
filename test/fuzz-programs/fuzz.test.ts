// A little of `npm run test:fuzz`: programs that are always the same, and a fresh one, natively and in a machine. And
// whether the comparison would notice anything at all.
//
//   INLINUX_FUZZ_SEED   instead of a fresh seed: what a failure printed

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type FuzzOptions, fuzz, type Summary } from './fuzz.ts'
import { randomProgram } from './generator/program.ts'
import { GuestSide, native, type Side } from './sides.ts'
import { fault } from './well-defined.ts'

const FRESH = process.env.INLINUX_FUZZ_SEED ?? `fresh-${randomBytes(4).toString('hex')}`
const VARIANTS = ['-O0 -march=x86-64', '-O3 -march=x86-64-v2']
/** Small programs: this is a part of every `npm test`. */
const FUEL = 2000

describe('random programs do in a machine what they do natively', {
  concurrency: 1,
  timeout: 600_000,
}, () => {
  let folder: string
  let guest: GuestSide

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'inlinux-fuzz-test-'))
    guest = new GuestSide()
  })
  after(async () => {
    await guest.close()
    rmSync(folder, { recursive: true })
  })

  const told: string[] = []
  const run = (options: Partial<FuzzOptions>): Promise<Summary> =>
    fuzz({
      seeds: ['fixed-1'],
      variants: VARIANTS,
      native,
      guest,
      keep: folder,
      fuel: FUEL,
      tell: (text) => void told.push(text),
      ...options,
    })

  it('with every kind of fault, code and thread', async () => {
    const chapters = ['assembler', 'faults', 'interruptions', 'pages', 'threads', 'writtencode']
    const { found, runs } = await run({ chapters, variants: ['-O2 -march=x86-64'] })
    assert.deepEqual(
      found.map(({ description }) => description),
      [],
    )
    assert.equal(runs, 1)
  })

  it(`a fixed seed and ${FRESH}`, async () => {
    const { found, runs } = await run({ seeds: ['fixed-1', FRESH] })
    assert.deepEqual(
      found.map(({ seed, variant, description }) => `${seed} ${variant}: ${description}`),
      [],
    )
    assert.equal(runs, 2 * VARIANTS.length)
  })

  it('a program that does something else in the machine is reported, with the line, and kept', async () => {
    // The same program, but for the number from which its hash starts: so the first line that differs is the hash.
    const altered: Side = {
      name: 'guest',
      run(program) {
        const bytes = readFileSync(program)
        const start = Buffer.from('d308a385886a3f24', 'hex')
        for (let at = bytes.indexOf(start); at >= 0; at = bytes.indexOf(start, at + 1))
          bytes.writeUInt8(0, at)
        writeFileSync(`${program}-altered`, bytes, { mode: 0o755 })
        return guest.run(`${program}-altered`)
      },
      close: () => Promise.resolve(),
    }
    told.length = 0

    const { found } = await run({ guest: altered, variants: ['-O1 -march=x86-64'], chapters: ['ciphers'] })

    assert.equal(found.length, 1)
    assert.equal(found[0]!.kind, 'difference')
    assert.match(
      found[0]!.description,
      /stdout, line \d+:\n.*check.*\n.*\n {4}native: turn 0: \w{16}\n {4}guest: turn 0: \w{16}\n[\s\S]*the same again/,
    )
    assert.match(told.join('\n'), /DIFFERENCE: seed fixed-1, gcc -O1 -march=x86-64; chapters ciphers/)
    const kept = readdirSync(folder).sort()
    const name = 'fixed-1-O1-march-x86-64'
    assert.deepEqual(kept, [name, `${name}.c`, `${name}.guest.txt`, `${name}.native.txt`])
  })
})

describe('the generator', () => {
  it('gives the same text for the same seed, and another one for another', () => {
    const text = (seed: string): string => JSON.stringify(randomProgram(seed).pieces)
    assert.equal(text('one'), text('one'))
    assert.notEqual(text('one'), text('two'))
  })

  it(`makes a program without undefined behaviour from ${FRESH}`, async () => {
    const program = randomProgram(FRESH, { fuel: FUEL })
    assert.equal(await fault(program, VARIANTS), undefined)
  })
})
