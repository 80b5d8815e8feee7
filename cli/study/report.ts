import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reportName } from '../../stores/names.ts';
import { openS3Store } from '../../stores/s3.ts';
import type { Environment } from '../../environment/environment.ts';

const PAGE = 'index.html';

/**
 * Copies a study's report from the store to this machine.
 * @returns the path of its page; undefined when the study has none.
 */
export async function fetchReport(
  environment: Pick<Environment, 's3' | 'stateDir'>,
  study: string,
): Promise<string | undefined> {
  const store = openS3Store(environment.s3);
  const names = await store.list(reportName(study, ''));
  for (const name of names) {
    const bytes = await store.get(name);
    if (bytes === undefined) continue;
    const path = join(environment.stateDir, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  const page = reportName(study, PAGE);
  return names.includes(page) ? join(environment.stateDir, page) : undefined;
}
