// The Debian root that programs run in, natively and in a machine: scripts/debian-root.mjs makes and keeps it.

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../../../scripts/debian-root.mjs', import.meta.url))

/** The folder with root.tar and tree/, made if need be. `--cached`: empty if it is not there yet. */
export function debianRoot(...options: readonly '--cached'[]): string {
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  return execFileSync(process.execPath, [script, ...options], { stdio: [...stdio], encoding: 'utf8' }).trim()
}
