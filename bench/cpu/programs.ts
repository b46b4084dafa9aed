// Section `programs`: the Debian root of the suite of real programs (test/programs/), natively by chroot, and as the same
// EROFS image under QEMU and in our machine. Scripts and data come as a tar, which a machine has as its second disk; they
// lie in /tmp/bench, that is, in memory, when the clock starts.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { image } from '../../src/image/index.ts'
import { debianRoot } from '../../test/programs/debian-root.ts'
import { inChroot } from '../../test/programs/sides.ts'
import { cSource, gitHistory, text } from './generated.ts'
import { MARKS_FILE, runInOurs } from './inlinux.ts'
import { runNatively } from './native.ts'
import { PROGRAM_ROWS, type ProgramRow } from './program-rows.ts'
import { runInTcg } from './qemu.ts'
import type { Row } from './rounds.ts'
import { GLIBC_TUNABLES, type Setting } from './section.ts'

const MEMORY_MIB = 1024
const TEXT_BYTES = 20e6
const C_LINES = 2000
const COMMITS = 400

const environment = {
  GLIBC_TUNABLES,
  // OpenSSL picks code by CPUID, too: all sides get what our CPU has, which is SSSE3, SSE4 and no AES instructions.
  OPENSSL_ia32cap: '0x0098220107808110:0x0',
}

const files = fileURLToPath(new URL('../../../bench/guest/programs/', import.meta.url)) // from build/bench/cpu/

export async function programs({
  folder,
  guest,
  qemuInitramfs,
  limitSeconds,
  tell,
}: Setting): Promise<Row[]> {
  tell('programs: root and data')
  const debian = debianRoot()
  const root = (await image.fromTar(path.join(debian, 'root.tar')).prepare()).path
  const data = makeData(folder)
  return PROGRAM_ROWS.map((row) => {
    const archive = pack(row, data, folder)
    const command = ['/bin/sh', '/tmp/bench/row.sh']
    const unpackAndRun = (...marks: readonly string[]): string[] => {
      return ['/bin/sh', '-c', `tar -C /tmp -xf /dev/vdb && exec ${[...command, ...marks].join(' ')}`]
    }
    const tree = path.join(debian, 'tree')
    // runNatively has the limit; this one is only there for its children.
    const timeoutSeconds = limitSeconds + 60
    const chroot = { tree, files: archive, timeoutSeconds, program: command }
    const disks = [archive]
    const qemu = { guest: { ...guest, root }, initramfs: qemuInitramfs, memoryMiB: MEMORY_MIB, disks }
    const ours = { root, memory: `${MEMORY_MIB}MiB`, disks }
    const task = { environment, limitSeconds }
    return {
      name: row.name,
      what: row.what,
      sides: {
        native: () => runNatively({ ...task, command: inChroot(chroot) }),
        qemu: () => runInTcg({ ...task, command: unpackAndRun() }, qemu),
        inlinux: () => runInOurs({ ...task, command: unpackAndRun(MARKS_FILE) }, ours),
      },
    }
  })
}

/** All that rows may want to have, in a folder. */
function makeData(folder: string): string {
  const data = path.join(folder, 'data')
  cpSync(files, data, { recursive: true })
  writeFileSync(path.join(data, 'text'), text(TEXT_BYTES))
  writeFileSync(path.join(data, 'source.c'), cSource(C_LINES))
  writeFileSync(path.join(data, 'history'), gitHistory(COMMITS))
  return data
}

/** A row's scripts and files as a tar of the folder bench/. */
function pack(row: ProgramRow, data: string, folder: string): string {
  const bench = path.join(folder, 'bench')
  mkdirSync(bench)
  for (const file of ['row.sh', ...(row.files ?? [])]) cpSync(path.join(data, file), path.join(bench, file))
  for (const phase of ['prepare', 'run', 'check'] as const)
    if (row[phase] !== undefined) writeFileSync(path.join(bench, `${phase}.sh`), `${row[phase]}\n`)
  const archive = path.join(folder, `${row.name}.tar`)
  execFileSync('tar', ['--create', '--file', archive, '-C', folder, 'bench'])
  rmSync(bench, { recursive: true })
  return archive
}
