// The example from the README: a cat, or a dog, says what it is given on stdin. The animal lives in a Linux of its
// own: kernel, root file system and program run inside this Node process.
import { Command, Stdio } from '../build/src/index.js'

const [animal = 'dog', ...words] = process.argv.slice(2)
const started = performance.now()

const child = await new Command('/bin/catsay')
  .stdin(Stdio.from(words.length > 0 ? words.join(' ') : "I'm a teapot!"))
  .env('CATSAY_MODE', animal)
  .stdout(Stdio.piped())
  .spawn()

for await (const chunk of child.stdout) process.stdout.write(chunk)

const { code, signal } = await child.wait()
const seconds = ((performance.now() - started) / 1000).toFixed(2)
process.stderr.write(`catsay ended with ${signal ?? code} after ${seconds} s, boot of its Linux included\n`)
process.exitCode = code ?? 1
