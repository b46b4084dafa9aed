// What the compiler knows about a Command. The checks run at compile time: this file does not compile if one fails.

import type { Readable, Writable } from 'node:stream'
import { it } from 'node:test'
import {
  type Child,
  Command,
  type CommandError,
  type ExitStatus,
  type Output,
  Stdio,
} from '../../src/command/index.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function expectType<Expected>() {
  return <Actual>(
    _value: () => Promise<Actual> | Actual,
    ..._same: Same<Actual, Expected> extends true ? [] : ['types differ']
  ): void => {}
}

// Never called: only its types matter.
async function examples(): Promise<void> {
  const command = new Command('cat')

  // A piped descriptor is a stream, without a question mark.
  const piped = await command.stdin(Stdio.piped()).stdout(Stdio.piped()).spawn()
  expectType<Writable>()(() => piped.stdin)
  expectType<Readable>()(() => piped.stdout)
  expectType<Readable | null>()(() => piped.stderr)

  // One that is not piped is null.
  const silent = await command
    .stdin(Stdio.from('x'))
    .stdout(Stdio.null())
    .stderr(Stdio.to(process.stderr))
    .spawn()
  const allNull: Child<null, null, null> = silent
  allNull.stdout satisfies null

  // Chosen at run time: either.
  const either: Stdio = process.argv.length > 2 ? Stdio.piped() : Stdio.inherit()
  const unknown = await command.stdout(either).spawn()
  expectType<Readable | null>()(() => unknown.stdout)

  // The order of builder calls does not matter, and arg() and the like keep what is known.
  const chained = await command
    .stdout(Stdio.piped())
    .arg('x')
    .env('A', 'b')
    .timeout(5)
    .currentDir('/')
    .spawn()
  expectType<Readable>()(() => chained.stdout)

  expectType<ExitStatus>()(() => piped.wait())
  expectType<boolean>()(() => piped.kill('SIGTERM'))
  expectType<Output>()(() => command.output())
  expectType<ExitStatus>()(() => command.status())
  expectType<number | null>()(async () => (await command.status()).code)
  expectType<Buffer>()(async () => (await command.output()).stdout)

  command
    .envs({ A: '1' })
    .envs(new Map([['B', '2']]))
    .args(new Set(['x']))
  Stdio.from(new Blob([]))
  Stdio.from(new Uint8Array(1))
  Stdio.from(async () => process.stdin)
  Stdio.to(process.stdout)
  Stdio.to(new WritableStream<Uint8Array>())
  Stdio.to((chunk) => chunk.length)

  // @ts-expect-error numbers are no arguments
  command.arg(1)
  // @ts-expect-error a string is no list of arguments to the reader, although it is iterable
  command.args(5)
  // @ts-expect-error undefined is no value: use envRemove()
  command.env('A', undefined)
  // @ts-expect-error nothing can be read from a number
  Stdio.from(5)
  // @ts-expect-error a plan of stdio, not its name
  command.stdout('piped')

  const error = {} as CommandError
  if (error.code === 'ENOENT') expectType<number | undefined>()(() => error.errno)
  expectType<boolean>()(() => error.timedOut)
}

it('the types hold (checked by the compiler)', () => void examples)
