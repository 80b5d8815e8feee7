import { createLocalExecutor } from '../../../executors/local/executor.ts';
import { leg } from '../leg.ts';

/** A worker's process that dies without a word: runs one leg, and says on stdout that it works. */
const [program = '', logFolder = ''] = process.argv.slice(2);
const executor = createLocalExecutor({
  command: [process.execPath, program, 'work', logFolder],
  environment: {},
  logFolder,
});
const { signal } = new AbortController();
void executor.run(leg('a'), { signal, report: () => process.stdout.write('works\n') });
