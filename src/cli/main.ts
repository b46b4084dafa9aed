#!/usr/bin/env node
// The executable of the package: runs the command line and ends as it ended.
import { cli, end } from './index.ts'

void cli(process.argv.slice(2)).then(end)
