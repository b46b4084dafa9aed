// A directory of busybox's programs on this machine: the same binary that the guest's root is made of.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const BUSYBOX = '/bin/busybox'

export interface ProgramFolder {
  readonly path: string
  remove(): void
}

export function busyboxPrograms(): ProgramFolder {
  const path = mkdtempSync(join(tmpdir(), 'inlinux-busybox-'))
  mkdirSync(path, { recursive: true })
  execFileSync(BUSYBOX, ['--install', '-s', path])
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
