import { Command } from 'commander';
import { KdxError } from '../../leg/errors.ts';
import { refreshCodeIndex } from '../../stack/code-index.ts';
import { checkVariables } from '../../environment/environment.ts';
import { layoutOf } from '../../stack/layout.ts';
import { readRunning } from '../../stack/record.ts';
import { readSettings } from '../../stack/settings.ts';
import { connections } from '../../stack/stack.ts';
import { readStudyFile } from '../study/file.ts';
import { runStudyFile } from '../study/run.ts';
import { summaryLines } from '../study/summary.ts';

/** `kdx study <file>`: start a study on the running stack and watch it. */
export function studyCommand(): Command {
  return new Command('study')
    .description('start a study, watch it, print where its report is (Ctrl-C only stops watching)')
    .argument('<file>', 'a study as JSON, e.g. studies/digits.json')
    .action(async (file: string) => {
      checkVariables(process.env);
      const study = await readStudyFile(file);
      const layout = layoutOf(process.env);
      const settings = await readSettings(layout);
      if (settings === undefined || (await readRunning(layout)) === undefined) {
        throw new KdxError('Configuration', 'the stack is down; run: kdx up --detach');
      }
      await refreshCodeIndex();
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      const end = await runStudyFile(connections(layout, settings), study, interrupted.signal);
      const lines =
        end === undefined
          ? [`reproduce/${study.name} goes on; watch it again with the same command`]
          : summaryLines(end);
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}
