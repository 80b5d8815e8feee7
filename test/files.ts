import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** All files under a folder, by full path. */
export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}
