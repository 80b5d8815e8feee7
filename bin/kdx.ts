import { CommanderError } from 'commander';
import { fileProblem } from '../environment/file-problem.mjs';
import { loopbackExemptions } from '../environment/loopback.mjs';
import { errorText, isKdxError, KdxError } from '../leg/errors.ts';
import { createProgram } from '../cli/program.ts';

/** Exit code of a wrong argument (EX_USAGE). */
const USAGE = 64;
/** Exit code of a failure that has no code of ours. */
const UNEXPECTED = 70;

// Before anything connects: the servers of the stack are never behind a proxy.
Object.assign(process.env, loopbackExemptions(process.env));

try {
  await createProgram().parseAsync();
} catch (error) {
  // Said already: a wrong argument, or the help that was asked for.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : USAGE);
  const known = knownError(error);
  const text = known === undefined ? String(error) : `${known.code}: ${errorText(known)}`;
  process.stderr.write(`kdx: ${text}\n`);
  if (known === undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(known?.exitCode ?? UNEXPECTED);
}

/** An error of our list, or of a file that this user cannot read or write. */
function knownError(error: unknown): KdxError | undefined {
  if (isKdxError(error)) return error;
  const problem = fileProblem(error);
  return problem === undefined ? undefined : new KdxError('Configuration', problem);
}
