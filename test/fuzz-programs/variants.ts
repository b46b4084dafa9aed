// The ways in which each program is compiled: what gcc makes of the same text differs so much that each way is a
// program of its own.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** The flags, separated by spaces: also what a variant is called. */
export type Variant = string

const LEVELS = ['-O0', '-O1', '-O2', '-O3', '-Os']
const PROCESSORS = ['-march=x86-64', '-march=x86-64-v2']

export const variants: readonly Variant[] = PROCESSORS.flatMap((processor) =>
  LEVELS.map((level) => `${level} ${processor}`),
)

/** Warnings are of no interest; functions within functions need a stack that can be executed. */
const ALWAYS = ['-w', '-Wno-psabi', '-Wno-packed-bitfield-compat', '-z', 'execstack']
/** Both sides run the same bytes. */
const STATIC = '-static'
/**
 * Assembly language names absolute addresses: no PIE. Packed structs are misaligned on purpose, and gcc 12 complains
 * about accesses that it made itself.
 */
const SANITIZERS = [
  ...['-O1', '-g', '-no-pie', '-fsanitize=undefined,address,float-cast-overflow', '-fno-sanitize=alignment'],
]
const COMPILER_SECONDS = 300

/** @throws with the compiler's messages */
export function compile(source: string, program: string, ...flags: readonly string[]): Promise<void> {
  return gcc(source, program, [STATIC, ...flags.flatMap((each) => each.split(' '))])
}

/** Undefined behaviour makes such a program write to stderr. */
export function compileSanitized(
  source: string,
  program: string,
  ...flags: readonly string[]
): Promise<void> {
  return gcc(source, program, [...SANITIZERS, ...flags])
}

async function gcc(source: string, program: string, flags: readonly string[]): Promise<void> {
  await execute('gcc', [...ALWAYS, ...flags, '-o', program, source, '-lm'], {
    timeout: COMPILER_SECONDS * 1000,
  })
}
