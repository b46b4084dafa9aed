// Stdio.inherit(): a whole Node process around one Command, in a shell's pipeline.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { read, readUntil } from './conformance.ts'

const program: string = join(import.meta.dirname ?? process.cwd(), 'inherit.program.js')

/** `times` copies of one script at once, then perhaps another. */
function inherit(script: string, times = 1, then = ''): ChildProcess {
  return spawn(process.execPath, [program, script, String(times), then], { stdio: ['pipe', 'pipe', 'pipe'] })
}

async function end(child: ChildProcess): Promise<unknown> {
  return (await once(child, 'exit'))[0]
}

describe('inherited stdio', () => {
  it('passes all three through, and the exit code', async () => {
    const child = inherit('cat; echo err >&2; exit 3')
    child.stdin!.end('through')
    const [stdout, stderr, code] = await Promise.all([read(child.stdout!), read(child.stderr!), end(child)])
    assert.deepEqual([String(stdout), String(stderr), code], ['through', 'err\n', 3])
  })

  it('the process ends by itself although its stdin stays open', async () => {
    const child = inherit('echo done')
    const [stdout, code] = await Promise.all([read(child.stdout!), end(child)])
    assert.deepEqual([String(stdout), code], ['done\n', 0])
  })

  it('a conversation', async () => {
    const child = inherit('while read x; do echo "<$x>"; done')
    for (const word of ['a', 'b']) {
      child.stdin!.write(`${word}\n`)
      assert.equal(await readUntil(child.stdout!, '\n'), `<${word}>\n`)
    }
    child.stdin!.end()
    assert.equal(await end(child), 0)
  })

  it('programs that inherit stdin at the same time share it, none gets what another got', async () => {
    const child = inherit('cat', 3)
    for (let i = 0; i < 20; i++) {
      child.stdin!.write(`${i}\n`)
      await pause(5)
    }
    child.stdin!.end()
    const [stdout, code] = await Promise.all([read(child.stdout!), end(child)])
    const lines = String(stdout).trim().split('\n').map(Number)
    assert.deepEqual(
      lines.sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, i) => i),
    )
    assert.equal(code, 0)
  })

  it('the next program reads what comes after the first has ended', async () => {
    const child = inherit('read x; echo "<$x>"', 1, 'cat')
    child.stdin!.write('first\n')
    await readUntil(child.stdout!, '<first>\n')
    await pause(200)
    child.stdin!.end('second')
    assert.deepEqual([String(await read(child.stdout!)), await end(child)], ['second', 0])
  })

  it('a big output is complete', async () => {
    const child = inherit('yes 0123456 | head -c 2000000')
    const [stdout, code] = await Promise.all([read(child.stdout!), end(child)])
    assert.deepEqual([stdout.length, code], [2_000_000, 0])
  })

  it('the program gets SIGPIPE when our own reader goes', async () => {
    const child = inherit('yes')
    await readUntil(child.stdout!, 'y')
    child.stdout!.destroy()
    assert.equal(await end(child), 128 + 13)
  })
})
