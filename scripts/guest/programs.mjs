// Compiles the C programs that run in the guest, the agent and catsay, by the Makefile in their folders.
//
// They are linked statically with musl: the agent is unpacked by the guest at every boot, and a static glibc would
// add 700 KiB that the kernel has to copy. A Makefile may make more than the guest needs (the agent's makes itself
// as a host program for tests); all of it is kept and also copied to build/guest/, where the tests look.
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { cached, contents, inRoot, key, replaceFile } from '../lib/paths.mjs'
import { startStep } from '../lib/progress.mjs'
import { answer, run } from '../lib/run.mjs'
import { packageVersion } from '../packages.mjs'

/** Gives the path of the compiled program. */
export async function compileGuestProgram(name) {
  const folder = inRoot('guest', name)
  const compiler = `gcc ${answer('gcc', ['-dumpfullversion'])} musl ${packageVersion('musl-tools')}`
  const step = startStep(`guest ${name}`)
  const { entry, made } = await cached(name, key(compiler, ...(await contents(folder))), (temporary) =>
    run('make', ['-C', folder, `OUT=${temporary}`, 'CC_GUEST=musl-gcc'], { env: { MAKEFLAGS: '' } }),
  ).catch((error) => {
    step.fail()
    throw error
  })
  for (const file of await readdir(entry)) {
    await replaceFile(inRoot('build/guest', file), await readFile(path.join(entry, file)), 0o755)
  }
  step.done(made ? 'compiled' : 'cached')
  return path.join(entry, name)
}
