// What a module of regions asks of its machine. A function table is not among it: V8's table keeps every instance that
// imports it for as long as it lives itself, so no module would ever be freed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeModule, writeModuleForAll } from '../../../../src/engine/soft/translator/module.ts'

const body = { locals: [], code: Uint8Array.of(0x41, 0), exportName: '0' }

for (const [what, write, globals] of [
  ['for one machine', writeModule, 0],
  ['for any machine', writeModuleForAll, 1],
] as const) {
  test(`a module ${what} imports memory, functions, ${globals} globals and no table`, () => {
    const bytes = write([body]) as Uint8Array<ArrayBuffer>
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes))
    const count = (wanted: string): number => imports.filter(({ kind }) => kind === wanted).length
    assert.deepEqual(['memory', 'function', 'global', 'table'].map(count), [1, 4, globals, 0])
  })
}
