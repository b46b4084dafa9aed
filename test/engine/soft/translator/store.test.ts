// Translated code that is kept on disk: found again by another machine, for the same code only; and whatever may be wrong
// with the folder or its files, it is not an error.

import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { Ahead } from '../../../../src/engine/soft/translator/ahead.ts'
import { CodeStore } from '../../../../src/engine/soft/translator/code-store.ts'
import { codeView } from '../../../../src/engine/soft/translator/code-view.ts'
import { encodeBatch } from '../../../../src/engine/soft/translator/stored-batch.ts'
import { BareMachine, CODE, CODE_PHYSICAL, DATA, DATA_PHYSICAL, U, W } from '../bare-machine.ts'

const HLT = 0xf4
const NEVER = 1_000_000_000
const OTHER_PHYSICAL = 0x52_0000
const folders: string[] = []

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'inlinux-store-'))
  folders.push(folder)
  return folder
}

const filesOf = (folder: string): string[] =>
  readdirSync(join(folder, 'code')).map((name) => join(folder, 'code', name))

interface Program {
  /** By its offset from CODE. */
  readonly code: Readonly<Record<number, readonly number[]>>
  /** Where its loops begin. */
  readonly loops: readonly number[]
  readonly start: number
}

// mov ecx, 1000000; add eax, ecx; adc edx, 0; dec ecx; jnz; hlt
const COUNTING: Program = {
  code: {
    0: [0xb9, 0x40, 0x42, 0x0f, 0, 0x01, 0xc8, 0x83, 0xd2, 0, 0xff, 0xc9, 0x75, 0xf7, HLT],
  },
  loops: [5],
  start: 0,
}
const SUBTRACTING: Program = {
  ...COUNTING,
  code: { 0: COUNTING.code[0]!.map((byte) => (byte === 0x01 ? 0x29 : byte)) },
}

// mov ecx, 2000000; mov rax, [rdi]; inc qword [rdi+8]; dec ecx; jnz; hlt
const NEIGHBOURS: Program = {
  code: {
    0: [0xb9, 0x80, 0x84, 0x1e, 0, 0x48, 0x8b, 0x07, 0x48, 0xff, 0x47, 0x08, 0xff, 0xc9, 0x75, 0xf5, HLT],
  },
  loops: [5],
  start: 0,
}

// A loop that goes on in the next page:
//   +ff0  mov ecx, 100000
//   +ff5  add eax, 0x40000001; jmp +1000
const FIRST_PAGE = [0xb9, 0xa0, 0x86, 1, 0, 0x05, 1, 0, 0, 0x40, 0xeb, 0x04]
//   +1000 …; dec ecx; jnz +ff5; hlt
const BACK = [0xff, 0xc9, 0x0f, 0x85, 0xea, 0xff, 0xff, 0xff, HLT]
const acrossPages = (second: readonly number[]): Program => ({
  code: { 4080: FIRST_PAGE, 4096: [...second, ...BACK] },
  loops: [0xff5],
  start: 0xff0,
})
/** The carry is lost: xor ebx, ebx; nop. */
const WITHOUT_CARRY = acrossPages([0x31, 0xdb, 0x90])
/** It is added: adc edx, 0. */
const WITH_CARRY = acrossPages([0x83, 0xd2, 0])

function machineFor(
  program: Program,
  store?: string,
  physical = CODE_PHYSICAL,
  threshold = NEVER,
): BareMachine {
  const options = store === undefined ? { threshold } : { threshold, store, early: 64 }
  const machine = new BareMachine(undefined, undefined, options)
  for (let page = 0; page < 2; page++) machine.map(CODE + page * 0x1000, physical + page * 0x1000, W | U)
  machine.core.flushAll()
  for (const [offset, bytes] of Object.entries(program.code))
    machine.load(physical + Number(offset), ...bytes)
  machine.set('rip', BigInt(CODE + program.start))
  for (const name of ['rax', 'rbx', 'rdx'] as const) machine.set(name, 0)
  return machine
}

/** What the program leaves, and how many of its regions came from the store. */
function outcome(machine: BareMachine): { registers: bigint[]; instructions: bigint; stored: number } {
  machine.run()
  const { instructions, translator } = machine.counters()
  return {
    registers: (['rax', 'rbx', 'rcx', 'rdx'] as const).map((name) => machine.get(name)),
    instructions,
    stored: translator.stored,
  }
}

/** Interprets it and writes what was hot. */
function train(program: Program, folder: string, engine?: string): string | undefined {
  const machine = machineFor(program)
  machine.set('rdi', DATA)
  machine.run(100)
  const store = CodeStore.open(folder, engine)
  const numbers = machine.core.handlerNumbers()
  const ahead = new Ahead(machine.memory.buffer, numbers, store, 64)
  const { findBlock } = codeView(machine.memory.buffer, numbers)
  ahead.missed(
    program.loops.map((offset) => ({
      block: findBlock(CODE_PHYSICAL + offset),
      rip: BigInt(CODE + offset),
      user: false,
      promote: false,
    })),
  )
  ahead.form()
  return ahead.write(1)
}

function assertSame(program: Program, machine: BareMachine): number {
  const { stored, ...found } = outcome(machine)
  const { stored: _none, ...interpreted } = outcome(machineFor(program))
  assert.deepEqual(found, interpreted)
  return stored
}

describe('translated code from the store', () => {
  test('is found again by other machines', () => {
    const folder = newFolder()
    train(COUNTING, folder)

    for (let i = 0; i < 2; i++) {
      const machine = machineFor(COUNTING, folder)
      assert.equal(assertSame(COUNTING, machine), 1)
      const { instructions, instructionsInterpreted } = machine.counters()
      assert.ok(instructionsInterpreted * 2n < instructions)
    }
  })

  test('serves the code at any physical page', () => {
    const folder = newFolder()
    train(WITH_CARRY, folder)
    assert.ok(assertSame(WITH_CARRY, machineFor(WITH_CARRY, folder, OTHER_PHYSICAL)) > 0)
  })

  test('is not used for code that differs in a byte', () => {
    const folder = newFolder()
    train(COUNTING, folder)
    assert.equal(assertSame(SUBTRACTING, machineFor(SUBTRACTING, folder)), 0)
  })

  test('stops where the next page has other code, and hands it the flags', () => {
    const folder = newFolder()
    train(WITHOUT_CARRY, folder)
    assert.ok(assertSame(WITH_CARRY, machineFor(WITH_CARRY, folder)) > 0)
  })

  test('goes when its code is overwritten', () => {
    const folder = newFolder()
    train(COUNTING, folder)
    const machine = machineFor(COUNTING, folder)
    machine.run()
    for (const program of [SUBTRACTING, COUNTING]) {
      machine.load(CODE_PHYSICAL, ...program.code[0]!)
      machine.set('rip', BigInt(CODE))
      machine.set('rax', 0)
      machine.set('rdx', 0)
      machine.run()
      const fresh = machineFor(program)
      fresh.run()
      assert.deepEqual([machine.get('rax'), machine.get('rdx')], [fresh.get('rax'), fresh.get('rdx')])
    }
  })

  test('gives way to other code where accesses that share a look lie in two pages', () => {
    const folder = newFolder()
    train(NEIGHBOURS, folder)
    const machine = machineFor(NEIGHBOURS, folder, CODE_PHYSICAL, 1000)
    machine.set('rdi', DATA + 0xff8)

    machine.run(100)

    assert.equal(machine.read64(DATA_PHYSICAL + 0x1000), 2_000_000n)
    const { instructions, instructionsInterpreted, regionsLeftToInterpreter, translator } = machine.counters()
    assert.equal(translator.stored, 1)
    assert.ok(regionsLeftToInterpreter < 1000n)
    assert.ok(instructionsInterpreted * 2n < instructions)
  })

  test('of another engine is not seen', () => {
    const folder = newFolder()
    train(COUNTING, folder, '0'.repeat(32))
    assert.equal(assertSame(COUNTING, machineFor(COUNTING, folder)), 0)
    assert.equal(filesOf(folder).length, 1)
  })
})

describe('a broken file is ignored and removed', () => {
  const breakers: Record<string, (file: string) => void> = {
    truncated: (file) => truncateSync(file, readFileSync(file).length - 9),
    'truncated in its index': (file) => truncateSync(file, 100),
    empty: (file) => truncateSync(file, 0),
    foreign: (file) => writeFileSync(file, 'hello '.repeat(100)),
    'changed in its regions': (file) => flip(file, 140),
    'changed at its end': (file) => flip(file, readFileSync(file).length - 1),
    'of enormous lengths': (file) => {
      const bytes = readFileSync(file)
      bytes.fill(0xff, 8, 24)
      writeFileSync(file, bytes)
    },
  }
  for (const [how, breakIt] of Object.entries(breakers)) {
    test(how, () => {
      const folder = newFolder()
      train(COUNTING, folder)
      const [file = ''] = filesOf(folder)
      breakIt(file)
      assert.equal(assertSame(COUNTING, machineFor(COUNTING, folder)), 0)
      assert.deepEqual(filesOf(folder), [])
    })
  }

  test('of valid checksums and senseless content', () => {
    const folder = newFolder()
    train(COUNTING, folder)
    const [file = ''] = filesOf(folder)
    const words = new Int32Array(64).map((_, i) => (i === 0 ? 64 : i * 0x01010101))
    const hash = readFileSync(file).readUInt32LE(32)
    const recipe = { words, places: [{ hash, region: 0, node: 0 }] }
    writeFileSync(file, encodeBatch([recipe], new Uint8Array(8), new Uint8Array(16)))
    assert.equal(assertSame(COUNTING, machineFor(COUNTING, folder)), 0)
    assert.deepEqual(filesOf(folder), [])
  })

  test('a link to elsewhere is not followed', () => {
    const folder = newFolder()
    const elsewhere = newFolder()
    train(COUNTING, elsewhere)
    const [file = ''] = filesOf(elsewhere)
    mkdirSync(join(folder, 'code'), { mode: 0o700 })
    symlinkSync(file, join(folder, 'code', file.slice(file.lastIndexOf('/') + 1)))
    assert.equal(assertSame(COUNTING, machineFor(COUNTING, folder)), 0)
    assert.ok(existsSync(file))
  })
})

describe('the folder', () => {
  test('must be closed to others', () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'code'))
    chmodSync(join(folder, 'code'), 0o755)
    assert.throws(() => CodeStore.open(folder), /code must be a folder .* closed to others/)
    assert.equal(assertSame(COUNTING, machineFor(COUNTING, folder)), 0)
  })

  test('that cannot be made is none', () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'file'), '')
    assert.throws(() => CodeStore.open(join(folder, 'file')), { code: 'ENOTDIR' })
    assert.throws(() => CodeStore.open('/proc/nowhere'), { code: 'ENOENT' })
    assert.equal(assertSame(COUNTING, machineFor(COUNTING, '/proc/nowhere')), 0)
  })

  test('that vanishes takes nothing with it', () => {
    const folder = newFolder()
    const store = CodeStore.open(folder)
    rmSync(join(folder, 'code'), { recursive: true })
    assert.equal(store.save([], new Uint8Array(Buffer.from('0061736d01000000', 'hex'))), undefined)
  })

  test('has a limit, and loses what was used least recently', () => {
    const folder = newFolder()
    train(COUNTING, folder, 'one')
    const [old = ''] = filesOf(folder)
    utimesSync(old, 1000, 1000)
    const store = CodeStore.open(folder, 'two', 10)
    store.save([], new Uint8Array(Buffer.from('0061736d01000000', 'hex')))
    assert.equal(existsSync(old), false)
    assert.equal(filesOf(folder).length, 1)
  })

  test('is used by two processes at once', () => {
    const folder = newFolder()
    const names = [train(COUNTING, folder), train(COUNTING, folder)]
    assert.equal(names[0], names[1])
    assert.equal(filesOf(folder).length, 1)
    train(WITH_CARRY, folder)
    assert.equal(assertSame(COUNTING, machineFor(COUNTING, folder)), 1)
  })
})

function flip(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes[at]! ^= 1
  writeFileSync(file, bytes)
}
