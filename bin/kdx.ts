import { errorText, isKdxError } from '../leg/errors.ts';
import { createProgram } from '../cli/program.ts';

/** Exit code of a failure that has no code of ours. */
const UNEXPECTED = 70;

try {
  await createProgram().parseAsync();
} catch (error) {
  const text = isKdxError(error) ? `${error.code}: ${errorText(error)}` : String(error);
  process.stderr.write(`kdx: ${text}\n`);
  if (!isKdxError(error) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(isKdxError(error) ? error.exitCode : UNEXPECTED);
}
