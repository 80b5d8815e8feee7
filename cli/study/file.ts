import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errorText, KdxError } from '../../leg/errors.ts';
import { problemsText, resolveStudy, type Problem } from '../../study/resolve.ts';
import { readStudyText } from '../../study/text.ts';
import { ROOT } from '../../environment/root.ts';
import { invokedFrom } from '../invoked-from.ts';

/** A study file as read: its text as JSON, and the name its workflow goes by. */
export type StudyFile = { readonly name: string; readonly input: unknown };

/**
 * Reads a study and refuses a bad one before anything is started.
 * @throws KdxError `SpecInvalid` (exit 64) naming the file, the JSON path, the value, what is allowed;
 *   `Configuration` (78) where it cannot be read
 */
export async function readStudyFile(path: string): Promise<StudyFile> {
  const text = readStudyText(await readBytes(path));
  if (!text.ok) throw refusal(path, text.problems);
  const { input } = text;
  const resolution = resolveStudy(input);
  if (resolution.ok) return { name: resolution.study.name, input };
  throw refusal(path, resolution.problems);
}

function refusal(path: string, problems: readonly Problem[]): KdxError {
  return new KdxError('SpecInvalid', `${path}: ${problemsText(problems)}`);
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : errorText(cause);
    const allowed = 'a readable study, as the examples in studies/';
    throw new KdxError('Configuration', `${path}: ${reason}; allowed: ${allowed}`, { cause });
  }
}

/** A name stands for `studies/<name>.json` of the checkout; a path is relative to where the user is. */
export function studyFilePath(study: string, from: string = invokedFrom()): string {
  const shipped = join(ROOT, 'studies', `${study}.json`);
  return !study.endsWith('.json') && existsSync(shipped) ? shipped : resolve(from, study);
}
