import { openSync } from 'node:fs';
import { createLocalExecutor } from '../../../executors/local/executor.ts';
import { isKdxError } from '../../../leg/errors.ts';
import { openFolderStore } from '../../../stores/folder.ts';
import { openLeases } from '../../../stores/leases.ts';
import { leg } from '../leg.ts';

/**
 * A worker's process that dies without a word: runs one leg, and says on stdout that it works, or with
 * which code it could not be started.
 */
const [program = '', folder = '', behaviour = 'work', shortage = ''] = process.argv.slice(2);
const leases = openLeases(openFolderStore(folder));
const executor = createLocalExecutor({
  command: [process.execPath, program, behaviour, folder],
  environment: { KDX_TEST_STORE: folder },
  logFolder: folder,
  leases:
    shortage === 'descriptors'
      ? { ...leases, list: exhaust, write: () => Promise.resolve() }
      : leases,
});

/** Opens files until the machine refuses another one. */
async function exhaust(): Promise<readonly []> {
  try {
    for (;;) openSync('/dev/null', 'r');
  } catch {
    return [];
  }
}

const { signal } = new AbortController();
executor.run(leg('a'), { signal, report: () => process.stdout.write('works\n') }).catch((error) => {
  process.stdout.write(`${isKdxError(error) ? error.code : String(error)}\n`);
});
