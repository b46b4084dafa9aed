// What the translator makes of a few small pieces of code, as text (printer.ts), against the committed files in
// expected/: a change of the translator is read in their diff. INLINUX_UPDATE_EXPECTED=1 writes them anew.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { GUEST_BASE } from '../../../../src/engine/soft/layout.ts'
import { encodeModule, type FunctionType, I32 } from '../../../../src/engine/soft/translator/encoder.ts'
import { fixedPlaces } from '../../../../src/engine/soft/translator/places.ts'
import { translateRegion } from '../../../../src/engine/soft/translator/region-function.ts'
import { disassemble } from '../differential/report.ts'
import { openCore } from '../differential/soft.ts'
import { CodeRegions } from './code-regions.ts'
import { printFunction } from './printer.ts'

interface Example {
  /** The file's name. */
  readonly name: string
  readonly about: string
  /** Bytes in hex. */
  readonly code: string
  /** Offset in its page; 0 when it does not matter. */
  readonly offset?: number
  readonly kernel?: boolean
}

const examples: readonly Example[] = [
  {
    name: 'counting-loop',
    about: 'Flags stay in locals, the loop looks at the budget, and only live flags reach memory.',
    code: '01c8 83e901 75f9 c3',
  },
  {
    name: 'load-and-store',
    about: 'Each access looks into the TLB; what it does not find there leaves in front of the instruction.',
    code: '488b06 48894708 0fb65610 c6870001000005 488d4406ff c3',
  },
  {
    name: 'grouped-accesses',
    about: 'Pushes, fields of a structure that is also written, and pops: one look each.',
    // push rbp; push rbx; mov rbx, rdi; mov rax, [rbx+16]; add [rbx+8], rax; movups xmm0, [rdi+32]; add rsp, -8;
    // mov [rsp], rax; pop rcx; pop rbx; pop rbp; ret
    code: '55 53 4889fb 488b4310 48014308 0f104720 4883c4f8 48890424 59 5b 5d c3',
  },
  {
    name: 'call-and-return',
    about: 'A function of the region is called and comes back without leaving it.',
    code: 'e802000000 90 c3 53 4889fb 5b c3',
  },
  {
    name: 'dead-flags',
    about: 'The first two instructions need not leave any flags; CMP only those that JL and SETC read.',
    code: '01d8 29c8 39c8 7c04 0f92c0 c3 31c0 c3',
  },
  {
    name: 'shifts-with-live-flags',
    about: 'A shift whose carry is read; one by CL, which keeps its flags if CL is 0, is called.',
    code: 'c1e003 7204 d3fa 7001 c3 d1ea c3',
  },
  {
    name: 'carry-chain',
    about: '128 bits are added, then a carry comes out.',
    code: '4c01c0 4c11ca 83d100 0f92c3 c3',
  },
  {
    name: 'conditions',
    about: 'CMOVcc, SETcc, BT, and INC, which keeps the carry.',
    code: '4885c0 480f44d9 0fa3d1 0f92c0 ffc2 480f42f7 c3',
  },
  {
    name: 'narrow-registers',
    about: 'Parts of registers: AL, AH, AX, and EAX, which clears the upper half.',
    code: '00c4 6601d8 b8ffffffff 0fb7c8 c3',
  },
  {
    name: 'division',
    about: 'What does not fit is left to the interpreter.',
    code: '31d2 f7f1 4899 48f7fb c3',
  },
  {
    name: 'vectors',
    about: 'Scalar and packed SSE, in locals.',
    code: 'f20f1007 f20f58c1 0f58d3 660fefe4 f20f1107 c3',
  },
  {
    name: 'x87',
    about: 'The interpreter’s handlers are called; only registers that they need go through memory.',
    code: '4883c008 dd442408 dec1 dd18 01d8 c3',
  },
  {
    name: 'string-operation',
    about: 'A call that may need all registers.',
    code: '89d1 f3a4 4801c7 c3',
  },
  {
    name: 'segment-and-rip',
    about: 'Addresses with a segment, relative to RIP, with an index, of 32 bits.',
    code: '65488b042528000000 488b0d00010000 488b94c800020000 678b13 c3',
  },
  {
    name: 'two-pages',
    about: 'The second page must still be the one that was translated.',
    code: '4801d8 4883e901 75f7 4829d8 c3',
    offset: 0xffd,
  },
  {
    name: 'irreducible-loop',
    about: 'A loop with two entries: which one is meant is in the selector.',
    code: '85c0 7403 83e901 83e902 75f8 c3',
  },
  {
    name: 'indirect-jump',
    about: 'Compared with where it led before, then through the jump table.',
    code: '4c8d0d0b000000 85c0 750a 41ffe1 90909090 31c0 c3 b801000000 c3',
  },
  {
    name: 'swapped-gs',
    about: 'GS means something else behind SWAPGS: the two accesses do not share a look.',
    code: '65488b042500000000 0f01f8 65488b1c2508000000 48cf',
    kernel: true,
  },
  {
    name: 'kernel-exit',
    about: 'CLI and SWAPGS inline, IRETQ through its handler at the region’s end.',
    code: 'fa 0f01f8 4883c408 48cf',
    kernel: true,
  },
]

const folder = fileURLToPath(new URL('../../../../../test/engine/soft/translator/expected/', import.meta.url))
const update = process.env.INLINUX_UPDATE_EXPECTED === '1'

const PHYSICAL = 0x10_0000
const LINEAR = 0x40_0000
const IMPORTS = ['holds', 'perform'] as const
const { exports, memory } = openCore(0x20_0000)
const regions = new CodeRegions({
  memory,
  core: exports,
  scratch: GUEST_BASE + 0x1000,
  operations: GUEST_BASE + 0x2000,
})

for (const example of examples) {
  test(`the translation of ${example.name}: ${example.about}`, () => {
    const text = textOf(example)
    const file = `${folder}${example.name}.txt`
    if (update) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(file, text)
    }
    assert.ok(existsSync(file), `${file} is missing: INLINUX_UPDATE_EXPECTED=1 writes it`)
    assert.equal(text, readFileSync(file, 'utf8'))
  })
}

function textOf({ about, code, offset = 0, kernel = false }: Example): string {
  const bytes = Uint8Array.from(Buffer.from(code.replaceAll(' ', ''), 'hex'))
  const rip = LINEAR + offset
  regions.reset()
  const region = regions.region(bytes, { rip, physical: PHYSICAL + offset, user: !kernel })!
  let operations = 0
  const names = new Map<number, string>()
  const body = translateRegion(region, fixedPlaces(0x123), ({ handler }) => {
    // Small numbers, so that the text does not depend on where operations happen to lie.
    names.set(++operations, handler!.row.name)
    return operations
  })
  assertValid(body)
  const called = [...names].map(([at, name]) => `; operation ${at}: ${name}\n`).join('')
  const nodes = region.nodes.map(
    ({ delta, entry, ending }) =>
      `; +${delta.toString(16)} ${ending.kind}${entry < 0 ? '' : `, entry ${entry}`}\n`,
  )
  const instructions = disassemble(bytes, BigInt(rip)).map((line) => `;   ${line}\n`)
  return `; ${about}\n${instructions.join('')}${nodes.join('')}${called}\n${printFunction(body, IMPORTS)}`
}

function assertValid({ locals, code }: ReturnType<typeof translateRegion>): void {
  const type: FunctionType = { parameters: [I32], results: [I32] }
  const module = encodeModule(
    IMPORTS.map((name) => ({ name, type })),
    type,
    [{ locals, code, exportName: 'region' }],
  )
  assert.ok(WebAssembly.validate(module))
}
