// The two places where every case runs: a native chroot of the Debian tree, and a machine that booted the same tree.
// Both start `bash -c SCRIPT` with the same environment in /tmp/work, a fresh copy of the folder work/ beside this file.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { CommandError, type ExitStatus, image, Machine, Stdio } from '../../src/index.ts'

export interface Work {
  readonly script: string
  readonly stdin?: string
  readonly timeoutSeconds: number
}

export interface Outcome {
  /** As a shell gives it, 128 and the number for death by a signal; or why there is none. */
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
  readonly milliseconds: number
}

export interface Side {
  run(work: Work): Promise<Outcome>
  close(): Promise<void>
}

/** The folder of the sources, also when this file runs from build/. */
const here = fileURLToPath(new URL('../../../test/programs/', import.meta.url))
const MEMORY = process.env.INLINUX_PROGRAMS_MEMORY ?? '1GiB'
const BOOT_TIMEOUT_MS = 300_000

/** What both sides start programs with. */
export const environment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  // glibc has several versions of exp, pow, sin and others, with results that differ in the last bit. Natively it
  // would take the ones with fused multiply and add, which the guest's CPU, an x86-64-v2, does not have.
  GLIBC_TUNABLES: 'glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F,-AVX512VL,-BMI1,-BMI2,-LZCNT,-MOVBE',
}

const prelude = 'rm -rf /tmp/work && cp -r /tmp/files /tmp/work && cd /tmp/work && exec bash -c "$0"'

/** work/ as a tar with nothing of this machine in it. */
function filesArchive(): Buffer {
  const neutral = [
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mtime=@0',
    '--mode=u=rwX,go=rX',
  ]
  const renamed = ['--transform', 's,^work,files,']
  return execFileSync('tar', ['--create', ...neutral, ...renamed, '-C', here, 'work'], { maxBuffer: 1 << 24 })
}

export interface Chroot {
  readonly tree: string
  /** A tar; appears unpacked in /tmp. */
  readonly files: string
  readonly timeoutSeconds: number
  readonly program: readonly string[]
}

/** The command that runs a program natively in a private copy of the tree: see native-side.sh. */
export function inChroot({ tree, files, timeoutSeconds, program }: Chroot): string[] {
  const namespaces = ['--mount', '--pid', '--fork', '--net', '--uts', '--ipc', '--kill-child', '--mount-proc']
  const side = ['bash', join(here, 'native-side.sh'), tree, files, String(timeoutSeconds)]
  return ['unshare', ...namespaces, ...side, ...program]
}

export class NativeSide implements Side {
  readonly #tree: string
  readonly #scratch = mkdtempSync(join(tmpdir(), 'inlinux-programs-'))
  readonly #files: string = join(this.#scratch, 'files.tar')

  constructor(tree: string) {
    this.#tree = tree
    writeFileSync(this.#files, filesArchive())
  }

  async run({ script, stdin = '', timeoutSeconds }: Work): Promise<Outcome> {
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    const program = ['/usr/bin/env', '-i', ...variables, 'sh', '-c', prelude, script]
    const [unshare, ...words] = inChroot({ tree: this.#tree, files: this.#files, timeoutSeconds, program })
    const started = performance.now()
    const child = spawn(unshare!, words, {
      detached: true,
      timeout: (timeoutSeconds + 20) * 1000,
      killSignal: 'SIGKILL',
    })
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
    const ended = new Promise<number | string>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve(code ?? `${signal}`))
    })
    const [stdout, stderr, code] = await Promise.all([collect(child.stdout), collect(child.stderr), ended])
    return { code, stdout, stderr, milliseconds: performance.now() - started }
  }

  async close(): Promise<void> {
    rmSync(this.#scratch, { recursive: true, force: true })
  }
}

/** One machine for all cases; a case that hangs or breaks it costs the next one a boot. */
export class MachineSide implements Side {
  readonly #tar: string
  #machine: Promise<Machine> | undefined

  constructor(tar: string) {
    this.#tar = tar
  }

  async run(work: Work): Promise<Outcome> {
    this.#machine ??= boot(this.#tar)
    const machine = await this.#machine
    const outcome = await runIn(machine, work)
    if (typeof outcome.code === 'string') {
      this.#machine = undefined
      await machine.close().catch(() => {})
    }
    return outcome
  }

  async close(): Promise<void> {
    await (await this.#machine)?.close()
  }
}

/** Runs a case in a machine that `boot` has made. A code that is a text says why there is none: time, for example. */
export async function runIn(
  machine: Machine,
  { script, stdin = '', timeoutSeconds }: Work,
): Promise<Outcome> {
  const started = performance.now()
  const command = machine.command('sh').args(['-c', prelude, script]).envClear().envs(environment)
  command.currentDir('/').timeout(timeoutSeconds * 1000)
  try {
    const { status, stdout, stderr } = await command.stdin(Stdio.from(stdin)).output()
    return { code: shellCode(status), ...texts(stdout, stderr), milliseconds: performance.now() - started }
  } catch (error) {
    const { stdout = Buffer.alloc(0), stderr = Buffer.alloc(0) } = error instanceof CommandError ? error : {}
    return { code: `${error}`, ...texts(stdout, stderr), milliseconds: performance.now() - started }
  }
}

/** A machine with the Debian root, and the folder work/ in it. */
export async function boot(tar: string, memory: string = MEMORY): Promise<Machine> {
  let log = ''
  const machine = await Machine.start({
    image: image.fromTar(tar),
    memory,
    bootTimeout: BOOT_TIMEOUT_MS,
    onConsole: (bytes) => {
      log += Buffer.from(bytes).toString('latin1')
      if (process.env.INLINUX_PROGRAMS_CONSOLE) process.stderr.write(bytes)
    },
  })
  const unpacking = machine.command('tar').args(['--extract', '--directory', '/tmp', '--no-same-owner'])
  const { status, stderr } = await unpacking.stdin(Stdio.from(filesArchive())).output()
  if (!status.success) throw new Error(`the files did not reach the machine: ${stderr}\n${log}`)
  return machine
}

function shellCode({ code, signal }: ExitStatus): number {
  return code ?? 128 + constants.signals[signal as NodeJS.Signals]
}

/** One character a byte: outputs are compared as bytes. */
function texts(stdout: Uint8Array, stderr: Uint8Array): { stdout: string; stderr: string } {
  return { stdout: Buffer.from(stdout).toString('latin1'), stderr: Buffer.from(stderr).toString('latin1') }
}

async function collect(stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream as AsyncIterable<Buffer>) text += chunk.toString('latin1')
  return text
}
