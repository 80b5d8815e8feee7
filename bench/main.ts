import { Command, CommanderError } from 'commander';

import { errorText, isKdxError } from '../leg/errors.ts';
import { inputCommand } from './input.ts';
import { memoryCommand } from './memory.ts';
import { profileCommand } from './profile.ts';
import { stepCommand } from './step.ts';
import { sweepCommand } from './sweep/sweep.ts';
import { teachOnceCommand } from './teach-once.ts';

/** Exit code of wrong arguments, and of a failure that has no code of ours. */
const USAGE = 64;
const UNEXPECTED = 70;

const NOTES = `
On a machine with nothing else to do. Progress goes to stderr; the last line on stdout is JSON.
From a checkout: npm run bench -- <bench> --help`;

/** Each bench is a file of this folder. */
const BENCHES = [
  stepCommand(),
  profileCommand(),
  inputCommand(),
  memoryCommand(),
  teachOnceCommand(),
  sweepCommand(),
];

function createProgram(): Command {
  const program = new Command('bench')
    .description('Measures the engine, the orchestration, and what stands around them.')
    .addHelpText('after', NOTES)
    .exitOverride();
  for (const bench of BENCHES) program.addCommand(bench.copyInheritedSettings(program));
  return program;
}

/** Commander has said what is wrong by now; help that was asked for is no failure. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  if (!isKdxError(error)) {
    process.stderr.write(`bench: ${error instanceof Error ? error.stack : String(error)}\n`);
    return UNEXPECTED;
  }
  process.stderr.write(`bench: ${errorText(error)}\n`);
  return error.exitCode;
}

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
