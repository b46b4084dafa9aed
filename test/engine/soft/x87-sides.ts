// The two sides of the x87 tests: the native oracle (gcc, host CPU) and our wasm. Both are built on first use and
// cached in build/x87/ under the hash of their sources.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

// The compiler's libraries for Node know no WebAssembly; this much of it is used here.
declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number; shared: boolean }) => { buffer: SharedArrayBuffer }
  instantiate(code: Uint8Array, imports: object): Promise<{ instance: { exports: object } }>
}

/** What core/x87-test-entry.ts exports. Pointers are byte offsets into `memory`. */
export interface X87Exports {
  run(at: number, count: number): void
  x87Init(): void
  x87At(rip: bigint, address: bigint, fop: number): void
  x87Register(opcode: number, modrm: number, rflags: number): number
  x87Wait(): number
  x87MemoryKind(opcode: number, reg: number, small: number): number
  x87ExecRead(opcode: number, reg: number, low: bigint, high: bigint): number
  x87ExecReadImage(opcode: number, reg: number, from: number, small: number): number
  x87ExecWrite(opcode: number, reg: number): number
  x87ExecWriteImage(opcode: number, reg: number, to: number, small: number): number
  x87CommitWrite(): void
  x87LoadState(from: number, small: number): void
  x87StoreState(to: number, small: number): void
  x87LoadFxsave(from: number, wide: number): void
  x87StoreFxsave(to: number, wide: number): void
  x87EnterMmx(): void
  x87LeaveMmx(): void
  x87MmxRead(i: number): bigint
  x87MmxWrite(i: number, value: bigint): void
  readonly x87Low: { value: bigint | number }
  readonly x87High: { value: bigint | number }
}

export interface Ours {
  exports: X87Exports
  /** The linear memory; `SCRATCH` onwards is free for the test. */
  memory: Buffer
  run(records: Buffer): Buffer
}
export const SCRATCH: number = 16 * 1024 * 1024

const root = projectRoot()
export const core: string = path.join(root, 'src/engine/soft/core')

function projectRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url))
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder)
  return folder
}

/** Builds `name` unless build/x87/ has it for these sources; the result appears under its name by a rename. */
function cached(
  name: string,
  sources: string[],
  build: (output: string) => { status: number | null; stderr: string },
): string {
  const hash = createHash('sha256')
  for (const source of sources) hash.update(readFileSync(source))
  const folder = path.join(root, 'build/x87')
  const file = path.join(folder, `${hash.digest('hex').slice(0, 16)}-${name}`)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true })
  const draft = `${file.slice(0, -name.length)}${process.pid}-${name}`
  const { status, stderr } = build(draft)
  if (status !== 0) throw new Error(`${name} does not build:\n${stderr}`)
  renameSync(draft, file)
  return file
}

/** Why the host cannot be the oracle, or undefined. */
export function oracleMissing(): string | undefined {
  if (process.arch !== 'x64' || process.platform !== 'linux')
    return 'the oracle is the host CPU: needs x86-64 Linux'
  return spawnSync('gcc', ['--version']).status === 0 ? undefined : 'needs gcc'
}

/** True on the vendor whose choices in undefined corners ours follow (see x87.test.ts). */
export function hostIsAmd(): boolean {
  return readFileSync('/proc/cpuinfo', 'latin1').includes('AuthenticAMD')
}

/** Executes the records on the host CPU. */
export function runNatively(records: Buffer): Buffer {
  const source = path.join(root, 'test/engine/soft/native/x87-oracle.c')
  const program = cached('x87-oracle', [source], (output) =>
    spawnSync('gcc', ['-O2', '-Wall', '-mno-red-zone', '-o', output, source], { encoding: 'utf8' }),
  )
  const { status, stdout } = spawnSync(program, { input: records, maxBuffer: records.length + 1024 })
  if (status !== 0 || stdout.length !== records.length) throw new Error(`the oracle ended with ${status}`)
  return stdout
}

/** Compiles and instantiates the x87 part of the core. */
export async function openOurs(): Promise<Ours> {
  const sources = readdirSync(core)
    .filter((name) => /^(float80|x87|state|layout).*\.ts$/.test(name))
    .sort()
    .map((name) => path.join(core, name))
  const options =
    '-O3 --runtime stub --importMemory --sharedMemory --initialMemory 1024 --maximumMemory 65536'
  const file = cached('x87.wasm', sources, (output) =>
    spawnSync(
      process.execPath,
      [
        path.join(root, 'node_modules/assemblyscript/bin/asc.js'),
        'src/engine/soft/core/x87-test-entry.ts',
        '-o',
        path.relative(root, output),
        ...options.split(' '),
        '--enable',
        'threads',
        '--enable',
        'simd',
        '--noAssert',
      ],
      { cwd: root, encoding: 'utf8' },
    ),
  )
  const shared = new WebAssembly.Memory({ initial: 1024, maximum: 65536, shared: true })
  const { instance } = await WebAssembly.instantiate(readFileSync(file), { env: { memory: shared } })
  const exports = instance.exports as unknown as X87Exports
  const memory = Buffer.from(shared.buffer)
  const run = (records: Buffer): Buffer => {
    records.copy(memory, SCRATCH)
    exports.run(SCRATCH, records.length / 240)
    return Buffer.from(memory.subarray(SCRATCH, SCRATCH + records.length))
  }
  return { exports, memory, run }
}
