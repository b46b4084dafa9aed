// Runs programs for the scripts: quietly (output kept, shown only when it fails) or in plain sight.
import { spawn, spawnSync } from 'node:child_process'
import { root } from './paths.mjs'

const TAIL_LINES = 100 // what is worth reading of a failed program: npm says why first, then prints its manual

/** An error whose message is meant for the person at the keyboard: it is printed without a stack. */
export class SetupError extends Error {}

/** Runs to the end and throws `SetupError` on failure. `onLine` gets each line of stdout and stderr. */
export function run(command, args, { cwd = root, env = {}, onLine = () => {}, accept = [0] } = {}) {
  const { promise, resolve, reject } = withResolvers()
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const tail = []
  const take = (line) => {
    tail.push(line)
    if (tail.length > TAIL_LINES) tail.shift()
    onLine(line)
  }
  for (const stream of [child.stdout, child.stderr]) eachLine(stream, take)
  child.on('error', (error) => reject(new SetupError(`${command} cannot be started: ${error.message}`)))
  child.on('close', (code, signal) => {
    if (accept.includes(code)) resolve(code)
    else
      reject(
        new SetupError([`${[command, ...args].join(' ')} ended with ${signal ?? code}:`, ...tail].join('\n')),
      )
  })
  return promise
}

/** Runs with our own stdin, stdout and stderr; gives the exit code, as a shell would for a signal. */
export function runVisibly(command, args, { cwd = root, env = {} } = {}) {
  const { promise, resolve, reject } = withResolvers()
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'inherit' })
  child.on('error', (error) => reject(new SetupError(`${command} cannot be started: ${error.message}`)))
  child.on('close', (code) => resolve(code ?? 1))
  return promise
}

/** The trimmed stdout of a program that answers at once, or undefined when it fails or is missing. */
export function answer(command, args) {
  const { status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return status === 0 ? stdout.trim() : undefined
}

/** The main program of a script: prints a `SetupError` as its message, anything else with its stack. */
export async function main(program) {
  try {
    process.exitCode = (await program()) ?? 0
  } catch (error) {
    process.stderr.write(`${error instanceof SetupError ? error.message : error.stack}\n`)
    process.exitCode = 1
  }
}

function eachLine(stream, take) {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) take(line)
  })
  stream.on('end', () => rest && take(rest))
}

// Promise.withResolvers is in Node 22.
function withResolvers() {
  let resolve
  let reject
  const promise = new Promise((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
