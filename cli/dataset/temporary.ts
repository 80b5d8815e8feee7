import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of this process alone. */
export type TemporaryFolder = { readonly path: string; remove(): Promise<void> };

/** Makes a folder below TMPDIR that goes with `remove`, at the latest when the process exits. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'kdx-dataset-'));
  const atExit = (): void => rmSync(path, { recursive: true, force: true });
  process.once('exit', atExit);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true });
      process.off('exit', atExit);
    },
  };
}

/** Conventional exit codes of a program that a signal ends. */
const ENDINGS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Lets signals end the process as an exit, so that its temporary folders go. */
export function exitOnSignals(): void {
  for (const [signal, code] of Object.entries(ENDINGS)) {
    process.once(signal, () => process.exit(code));
  }
}
