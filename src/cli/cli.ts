// The words of the command line: which command, which options. What they do is in run.ts, profile.ts and doctor.ts.
//
//    inlinux run [options] PROGRAM [ARGS…]     options end at PROGRAM: the rest is the program's, `--help` included
//    inlinux profile [options] PROGRAM [ARGS…]
//    inlinux doctor [--boot] [--json]
//
// Whatever ends badly before a program ran is 125 and one line on stderr, as with env(1), timeout(1) and nohup(1).

import { CommanderError, Command as Grammar } from 'commander'
import { version } from '../index.ts'
import { type DoctorWords, examine } from './doctor.ts'
import { type Ending, FAILURE, OK } from './ending.ts'
import { parseCount, parseDuration, parseSize, parseVariable } from './option-values.ts'
import { type ProfileWords, profile } from './profile.ts'
import { type RunWords, run } from './run.ts'
import { complain } from './terminal.ts'

const EXIT_CODES = `
Exit codes, where the program has not given one:
  124  it ran longer than --timeout
  125  inlinux failed, or was used wrongly
  126  the program was found but cannot be executed
  127  the program was not found
If a signal ends the program, the same signal ends inlinux.`

/** @param words the command line without `node` and the script */
export async function cli(words: readonly string[]): Promise<Ending> {
  let ending: Ending = OK
  const grammar = describe((result) => {
    ending = result
  })
  try {
    await grammar.parseAsync(words, { from: 'user' })
    return ending
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? OK : FAILURE // it has written its message already
  }
}

function describe(done: (ending: Ending) => void): Grammar {
  const grammar = new Grammar('inlinux')
    .description('Runs Linux programs in a small Linux of their own, inside this process.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [COMMAND]', 'print help')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: (text) => complain(text.trim().replace(/^error: /, '')) })

  grammar
    .command('run')
    .summary('run a program')
    .description(
      'Runs PROGRAM in a machine of its own, with stdin, stdout, stderr, signals and exit status as if it ran here.' +
        ' Without PROGRAM, runs what a container image names.',
    )
    .usage('[OPTIONS] PROGRAM [ARGS...]')
    .argument('[WORDS...]', 'the program and its arguments')
    .passThroughOptions()
    .option('--image <PATH>', 'root file system: directory, tar (.gz, .zst), OCI layout, docker save, EROFS')
    .option('-e, --env <NAME=VALUE>', 'set a variable; NAME alone takes its value from here', parseVariable)
    .option('-w, --workdir <DIR>', 'working directory in the guest')
    .option('-u, --user <USER>', 'NAME or UID, with :GROUP if wanted')
    .option('-m, --memory <SIZE>', 'RAM of the machine, such as 512M (default: 128M)', parseSize)
    .option('--timeout <T>', 'kill the program after this time, such as 30s or 1m30s', parseDuration)
    .addHelpText('after', EXIT_CODES)
    .action(async (words: string[], options: RunWords) => done(await run(words, options)))

  grammar
    .command('profile')
    .summary('run a program, and tell where its time went')
    .description(
      'Runs PROGRAM in a machine of its own and writes to stderr where the time went: interpreter or translated code,' +
        ' the hottest places, TLB misses, what translating took.',
    )
    .usage('[OPTIONS] PROGRAM [ARGS...]')
    .argument('[WORDS...]', 'the program and its arguments')
    .passThroughOptions()
    .option('--image <PATH>', 'root file system: directory, tar (.gz, .zst), OCI layout, docker save, EROFS')
    .option('-e, --env <NAME=VALUE>', 'set a variable; NAME alone takes its value from here', parseVariable)
    .option('-m, --memory <SIZE>', 'RAM of the machine, such as 512M (default: 128M)', parseSize)
    .option('--times <N>', 'run it N times in the same machine, each with a report', parseCount)
    .option('--json', 'write the reports as JSON')
    .action(async (words: string[], options: ProfileWords) => done(await profile(words, options)))

  grammar
    .command('doctor')
    .summary('tell whether machines can run here, and what is missing')
    .description('Tells whether machines can run here, and what is missing. Exit code 0: they can.')
    .option('--boot', 'also start a machine, and tell what that took')
    .option('-m, --memory <SIZE>', 'RAM of that machine', parseSize)
    .option('--json', 'print the report as JSON')
    .action(async (options: DoctorWords) => done(await examine(options)))
  return grammar
}
