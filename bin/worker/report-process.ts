import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { DrawPort } from '../../activities/report.ts';
import { ERROR_CODES, KdxError, type ErrorCode } from '../../leg/errors.ts';
import type { ReporterAnswer } from '../reporter.ts';

export type ReportProcess = {
  /** Program and arguments, e.g. `[process.execPath, 'bin/reporter.ts']`. */
  readonly command: readonly [string, ...string[]];
  /** The whole environment of the process: the store and where programs are. */
  readonly environment: Readonly<Record<string, string>>;
};

/** Characters of a process's messages that go into an error. */
const MOST_CHARACTERS = 500;

/**
 * Draws reports in processes of their own, so that the memory of a large one is never that of the
 * worker that runs legs. A process reads its input from the standard input and writes its answer to
 * the standard output.
 * Throws the process's `KdxError`; an `Error`, which is retried, where it ended without an answer.
 */
export function drawInProcess({ command, environment }: ReportProcess): DrawPort {
  const [file, ...parameters] = command;
  return async (input, signal) => {
    const child = spawn(file, parameters, { env: { ...environment }, signal });
    const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    // A process that ended early does not read; its end says why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify(input));
    const [output, messages, [exitCode, killedBy]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      closed,
    ]);
    const answer = output === '' ? undefined : (JSON.parse(output) as ReporterAnswer);
    if (answer !== undefined && 'summary' in answer) return answer.summary;
    if (answer !== undefined && isCode(answer.code)) {
      throw new KdxError(answer.code, answer.message);
    }
    const end = killedBy === null ? `exit code ${exitCode}` : killedBy;
    const said = (answer?.message ?? messages).trim().slice(-MOST_CHARACTERS);
    throw new Error(`the process that draws the report ended with ${end}: ${said}`);
  };
}

function isCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(ERROR_CODES, code);
}
