import { join } from 'node:path';
import { Command } from 'commander';
import { KdxError } from '../../leg/errors.ts';
import { addressLines } from '../../stack/addresses.ts';
import { refreshCodeIndex } from '../../stack/code-index.ts';
import { checkVariables } from '../../environment/environment.ts';
import type { Environment } from '../../environment/environment.ts';
import { ROOT } from '../../environment/root.ts';
import { layoutOf } from '../../stack/layout.ts';
import type { Layout } from '../../stack/layout.ts';
import { readRunning } from '../../stack/record.ts';
import { whenAborted, withStack } from '../../stack/serve.ts';
import { readSettings } from '../../stack/settings.ts';
import { connections } from '../../stack/stack.ts';
import type { Stack } from '../../stack/stack.ts';
import { readStudyFile } from '../study/file.ts';
import type { StudyFile } from '../study/file.ts';
import { runStudyFile } from '../study/run.ts';
import { summaryLines } from '../study/summary.ts';

const FIRST_STUDY = join(ROOT, 'studies', 'digits.json');

type Options = { readonly exit?: boolean };

/** `kdx start`: everything up, one study run, its report shown. */
export function startCommand(): Command {
  return new Command('start')
    .description('bring the servers up, run a study, show its report; on a terminal, then serve')
    .argument('[file]', 'a study as JSON', FIRST_STUDY)
    .option('--exit', 'stop everything at the end, as without a terminal')
    .action(async (file: string, options: Options) => {
      checkVariables(process.env);
      const study = await readStudyFile(file);
      const layout = layoutOf(process.env);
      await refreshCodeIndex();
      process.stderr.write('bringing up Temporal, S3, MLflow and the worker …\n');
      await withStack(layout, {
        joined: () => onRunningStack(layout, study),
        own: (stack, signal) => onOwnStack(layout, stack, study, options, signal),
      });
    });
}

/** A stack that someone else started is used and left as it is. */
async function onRunningStack(layout: Layout, study: StudyFile): Promise<void> {
  const settings = await readSettings(layout);
  if (settings === undefined) throw new KdxError('Configuration', 'the stack went down');
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  await runAndTell(layout, connections(layout, settings), study, interrupted.signal);
}

async function onOwnStack(
  layout: Layout,
  stack: Stack,
  study: StudyFile,
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  const done = runAndTell(layout, stack.environment, study, signal).then(() => stack.tracking);
  const problem = await Promise.race([done, whenAborted(signal)]);
  if (typeof problem === 'string') {
    process.stderr.write(`MLflow does not run, nothing was recorded there: ${problem}\n`);
  }
  if (signal.aborted || options.exit === true || !process.stdout.isTTY) return;
  process.stdout.write('serving until Ctrl-C\n');
  await whenAborted(signal);
}

async function runAndTell(
  layout: Layout,
  environment: Environment,
  study: StudyFile,
  signal: AbortSignal,
): Promise<void> {
  const end = await runStudyFile(environment, study, signal);
  if (end === undefined) return;
  const record = await readRunning(layout);
  const lines = [...summaryLines(end), ...(record === undefined ? [] : addressLines(record))];
  process.stdout.write(`${lines.join('\n')}\n`);
}
