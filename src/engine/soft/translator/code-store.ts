// The store of translated code: one file for each batch of regions (stored-batch.ts), in a folder of the user's, shared by
// all processes. What one process has translated the next one finds, if it runs the same engine on the same Node.
//
//   code/ENGINE-MODULE.batch   ENGINE: which files the core and the translator are, and which Node and V8 they run on;
//                              MODULE: hash of the module's bytes
//   code/.PID-….tmp            one that is being written; renamed when it is complete
//
// Several processes may write at once: equal names mean equal modules, and the last rename wins. The times of the files
// are the order of use; the oldest go when there are too many. A file that is broken is no error, and removed when that
// is noticed. A folder that cannot be used is worth a warning, and then there is no store; one that cannot be written is
// only read.
//
// Machine code is run from here. So the folder must be the user's own and closed to everybody else.

import { createHash, randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { compile } from './compile.ts'
import { moduleOf, optimizedCode } from './native-code.ts'
import {
  decodeBatch,
  decodeHead,
  encodeBatch,
  FILE_LIMIT,
  headLength,
  type Place,
  type Recipe,
  type StoredRegion,
} from './stored-batch.ts'

/** Some 200 files, whose indexes are read at the start. */
const STORE_LIMIT = 64 * 1024 ** 2
/** Places with the same code that are remembered: a guest must not make the search long. */
const CANDIDATES = 8
/** Files that are loaded: see limits.ts. */
const MODULE_LIMIT = 1000
const HEAD = 16384
/** What a process that died left behind. */
const ABANDONED_MS = 3600_000
/** The time of a file is not set more often. */
const TOUCH_MS = 3600_000
const SAVES_PER_TRIM = 32

const stores = new Map<string, CodeStore | undefined>()

/** This thread's store in a folder: all machines that it translates for use the same one. @returns undefined when there is none */
export function openStore(folder: string | undefined): CodeStore | undefined {
  if (folder === undefined) return undefined
  if (!stores.has(folder)) stores.set(folder, openOrWarn(folder))
  return stores.get(folder)
}

function openOrWarn(folder: string): CodeStore | undefined {
  try {
    return CodeStore.open(folder)
  } catch (error) {
    process.emitWarning(`inlinux keeps no translated code: ${(error as Error).message}`)
    return undefined
  }
}

export interface Candidate {
  readonly file: string
  readonly region: number
  readonly node: number
}

export interface LoadedBatch {
  readonly regions: readonly StoredRegion[]
  readonly module: WebAssembly.Module
  readonly instructions: number
}

export class CodeStore {
  readonly #folder: string
  readonly #engine: string
  readonly #limit: number
  readonly #places = new Map<number, Candidate[]>()
  readonly #known = new Set<string>()
  /** Undefined: the file was no good. */
  readonly #loaded = new Map<string, LoadedBatch | undefined>()
  #saves = 0
  #writable = true

  private constructor(folder: string, engine: string, limit: number) {
    this.#folder = folder
    this.#engine = engine
    this.#limit = limit
    for (const name of readdirSync(folder))
      if (name.startsWith(`${engine}-`) && name.endsWith('.batch')) this.#enter(name, this.#readHead(name))
  }

  /** @throws Error: the folder cannot be used */
  static open(folder: string, engine: string = engineName(), limit: number = STORE_LIMIT): CodeStore {
    const inside = join(folder, 'code')
    makeFolder(inside)
    const info = lstatSync(inside)
    if (!info.isDirectory() || info.uid !== process.getuid?.() || (info.mode & 0o077) !== 0)
      throw new Error(`${inside} must be a folder of this user's, closed to others (chmod 700)`)
    return new CodeStore(inside, engine, limit)
  }

  /** Regions that may be entered at code with this hash. */
  find(hash: number): readonly Candidate[] {
    return this.#places.get(hash) ?? []
  }

  load(name: string): LoadedBatch | undefined {
    if (this.#loaded.has(name)) return this.#loaded.get(name)
    if (this.#loaded.size >= MODULE_LIMIT) return undefined
    const loaded = this.#read(name)
    this.#loaded.set(name, loaded)
    if (!loaded) this.#remove(name)
    return loaded
  }

  /**
   * Writes a batch, with machine code if that can be had.
   * @returns the file's name, or undefined when it could not be written
   */
  save(recipes: readonly Recipe[], bytes: Uint8Array): string | undefined {
    const name = `${this.#engine}-${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}.batch`
    if (this.#known.has(name)) return name
    const module = compile(bytes)
    const file = encodeBatch(recipes, bytes, optimizedCode(module, functionsOf(module), bytes))
    return file.length <= FILE_LIMIT && this.#write(name, file) ? name : undefined
  }

  /** Somebody has written this file. */
  added(name: string): void {
    if (!this.#known.has(name)) this.#enter(name, this.#readHead(name))
  }

  #enter(name: string, places: readonly Place[] | undefined): void {
    if (!places) {
      this.#remove(name)
      return
    }
    this.#known.add(name)
    for (const { hash, region, node } of places) {
      const candidates = this.#places.get(hash)
      const candidate = { file: name, region, node }
      if (!candidates) this.#places.set(hash, [candidate])
      else if (candidates.length < CANDIDATES) candidates.push(candidate)
    }
  }

  #read(name: string): LoadedBatch | undefined {
    const file = this.#readFile(name, FILE_LIMIT)
    const batch = file && decodeBatch(file)
    if (!batch) return undefined
    try {
      const { regions } = batch
      const instructions = regions.reduce((sum, region) => sum + region.instructions, 0)
      return { regions, module: moduleOf(batch.module, batch.machineCode), instructions }
    } catch {
      return undefined
    }
  }

  #readHead(name: string): readonly Place[] | undefined {
    const start = this.#readFile(name, HEAD)
    const length = start && headLength(start)
    if (length === undefined) return undefined
    const head = length <= start!.length ? start! : this.#readFile(name, length)
    return head && decodeHead(head.subarray(0, length))
  }

  /** At most so many bytes of a file, if it is the user's own. */
  #readFile(name: string, limit: number): Uint8Array | undefined {
    let fd: number
    try {
      fd = openSync(
        join(this.#folder, name),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      )
    } catch {
      return undefined
    }
    try {
      const { size, uid, mode, mtimeMs } = fstatSync(fd)
      if (uid !== process.getuid?.() || (mode & 0o022) !== 0 || size > FILE_LIMIT) return undefined
      const length = Math.min(size, limit)
      const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
      if (readSync(fd, bytes, 0, bytes.length, 0) !== bytes.length) return undefined
      if (limit === FILE_LIMIT && Date.now() - mtimeMs > TOUCH_MS) this.#touch(name)
      return bytes
    } catch {
      return undefined
    } finally {
      closeSync(fd)
    }
  }

  #touch(name: string): void {
    const now = new Date()
    try {
      utimesSync(join(this.#folder, name), now, now)
    } catch {
      // Then it counts as old.
    }
  }

  #write(name: string, file: Uint8Array): boolean {
    if (!this.#writable) return false
    const temporary = join(this.#folder, `.${process.pid}-${randomUUID()}.tmp`)
    try {
      if (this.#saves++ % SAVES_PER_TRIM === 0) this.#trim()
      writeFileSync(temporary, file, { mode: 0o600, flag: 'wx' })
      renameSync(temporary, join(this.#folder, name))
      return true
    } catch {
      // No room, or no permission: not again in this process.
      this.#writable = false
      rmSync(temporary, { force: true })
      return false
    }
  }

  #remove(name: string): void {
    try {
      rmSync(join(this.#folder, name), { force: true })
    } catch {
      // It stays, and is ignored by everybody.
    }
  }

  /** Keeps the folder below its limit. Another process may do the same at the same time. */
  #trim(): void {
    const now = Date.now()
    const files: { name: string; size: number; usedAt: number }[] = []
    for (const name of readdirSync(this.#folder)) {
      const info = statSync(join(this.#folder, name), { throwIfNoEntry: false })
      if (!info?.isFile()) continue
      if (!name.endsWith('.tmp')) files.push({ name, size: info.size, usedAt: info.mtimeMs })
      else if (now - info.mtimeMs > ABANDONED_MS) this.#remove(name)
    }
    let total = files.reduce((sum, { size }) => sum + size, 0)
    for (const { name, size } of files.sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= this.#limit) break
      this.#remove(name)
      total -= size
    }
  }
}

/** Step by step: Node's own recursion does not end in file systems like /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

let memory: WebAssembly.Memory | undefined

/** A module's functions, of an instance that is never run. */
function functionsOf(module: WebAssembly.Module): unknown[] {
  memory ??= new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true })
  const env: Record<string, unknown> = { memory }
  for (const { name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === 'global') env[name] = new WebAssembly.Global({ value: 'i32', mutable: true }, 0)
    else if (kind === 'function') env[name] = nothing
  }
  return Object.values(new WebAssembly.Instance(module, { env }).exports)
}

const nothing = (): number => 0

/**
 * Whatever decides what code becomes: another core or translator, another Node, another store. Files are told by what
 * changes when they are written; to read them would take ten times as long.
 */
function engineName(): string {
  const hash = createHash('sha256')
  hash.update(`${process.version} ${process.versions.v8} ${process.arch} ${process.platform}`)
  for (const folder of ['.', '../table', '..'])
    for (const name of readdirSync(new URL(`${folder}/`, import.meta.url)).sort()) {
      const { size, mtimeMs, ctimeMs } = statSync(new URL(`${folder}/${name}`, import.meta.url))
      hash.update(` ${name} ${size} ${mtimeMs} ${ctimeMs}`)
    }
  return hash.digest('hex').slice(0, 32)
}
