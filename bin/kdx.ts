import { loopbackExemptions } from '../environment/loopback.mjs';
import { errorText, isKdxError } from '../leg/errors.ts';
import { createProgram } from '../cli/program.ts';

/** Exit code of a failure that has no code of ours. */
const UNEXPECTED = 70;

// Before anything connects: the servers of the stack are never behind a proxy.
Object.assign(process.env, loopbackExemptions(process.env));

try {
  await createProgram().parseAsync();
} catch (error) {
  const text = isKdxError(error) ? `${error.code}: ${errorText(error)}` : String(error);
  process.stderr.write(`kdx: ${text}\n`);
  if (!isKdxError(error) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(isKdxError(error) ? error.exitCode : UNEXPECTED);
}
