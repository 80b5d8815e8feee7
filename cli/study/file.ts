import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, KdxError } from '../../leg/errors.ts';
import { problemsText, resolveStudy } from '../../study/resolve.ts';
import { ROOT } from '../../environment/root.ts';

/** A study file as read: its text as JSON, and the name its workflow goes by. */
export type StudyFile = { readonly name: string; readonly input: unknown };

/**
 * Reads a study and refuses a bad one before anything is started.
 * @throws KdxError `SpecInvalid` (exit 64) naming the file, the JSON path, the value, what is allowed.
 */
export async function readStudyFile(path: string): Promise<StudyFile> {
  let input: unknown;
  try {
    input = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new KdxError('SpecInvalid', `${path}: ${errorText(error)}`, { cause: error });
  }
  const resolution = resolveStudy(input);
  if (resolution.ok) return { name: resolution.study.name, input };
  throw new KdxError('SpecInvalid', `${path}: ${problemsText(resolution.problems)}`);
}

/** A name stands for `studies/<name>.json` of the checkout. */
export function studyFilePath(study: string): string {
  const shipped = join(ROOT, 'studies', `${study}.json`);
  return !study.endsWith('.json') && existsSync(shipped) ? shipped : study;
}
