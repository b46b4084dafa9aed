// `npm run test:programs`: makes the Debian root if it is not cached, then runs every group (or those asked for).
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { suite } from './suite.ts'

const script = fileURLToPath(new URL('../../../scripts/debian-root.mjs', import.meta.url))
const root = execFileSync(process.execPath, [script], {
  stdio: ['ignore', 'pipe', 'inherit'],
  encoding: 'utf8',
})
const groups = process.env.INLINUX_PROGRAMS_GROUP?.split(',') ?? [
  'quick',
  'programs',
  'compilers',
  'python-tests',
]
suite(root.trim(), groups)
