// The C programs of bench/guest/, linked statically with musl as the agent is (or with the C library that most
// distributions have), and roots that hold them.

import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { TreeBuilder, writeErofs } from '../../src/image/index.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url)) // from build/bench/lib/

/** Compiles bench/guest/NAME.c: `gcc` links with glibc. Gives the program's path in `folder`. */
export async function compileForGuest(
  name: string,
  folder: string,
  compiler: 'musl-gcc' | 'gcc' = 'musl-gcc',
): Promise<string> {
  const { run } = await scripts()
  const program = path.join(folder, name)
  const flags = ['-std=gnu11', '-O2', '-static', '-s', '-Wall', '-Wextra']
  await mkdir(folder, { recursive: true })
  await run(compiler, [...flags, '-o', program, path.join(repository, 'bench/guest', `${name}.c`)])
  return program
}

/** A root with nothing but these programs, in /bin. Gives the path of the image in `folder`. */
export async function rootOf(programs: readonly string[], folder: string): Promise<string> {
  const tree = new TreeBuilder()
  tree.addDirectory('/', { mode: 0o755 })
  tree.addDirectory('bin')
  for (const file of programs) tree.addFile(`bin/${path.basename(file)}`, { file }, { mode: 0o755 })
  const target = path.join(folder, 'bench-root.erofs')
  await writeErofs(tree, target)
  return target
}

export interface Scripts {
  writeCpio(entries: readonly object[]): Buffer
  run(command: string, args: readonly string[]): Promise<number>
}

/** The set-up's own cpio writer and program runner: plain JavaScript, because they work before there is a build. */
export async function scripts(): Promise<Scripts> {
  const at = (name: string) => pathToFileURL(path.join(repository, 'scripts', name)).href
  const [{ writeCpio }, { run }] = await Promise.all([
    import(at('guest/cpio.mjs')),
    import(at('lib/run.mjs')),
  ])
  return { writeCpio, run }
}
