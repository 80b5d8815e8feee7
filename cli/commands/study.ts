import { Command } from 'commander';
import { refreshCodeIndex } from '../../stack/code-index.ts';
import { checkDisk } from '../../stack/disk.ts';
import { layoutOf } from '../../stack/layout.ts';
import { checkVariables } from '../../environment/environment.ts';
import { foldersOf, requireServers } from '../servers.ts';
import { readStudyFile, studyFilePath } from '../study/file.ts';
import { runStudyFile } from '../study/run.ts';
import { summaryLines } from '../study/summary.ts';

/** `kdx study <file>`: start a study on the running stack and watch it. */
export function studyCommand(): Command {
  return new Command('study')
    .description('start a study, watch it, print where its report is (Ctrl-C only stops watching)')
    .argument('<study>', 'a study file, or the name of one in studies/')
    .option('--join', 'watch the study of this name that is under way, also if its content differs')
    .action(async (file: string, { join = false }: { readonly join?: boolean }) => {
      checkVariables(process.env);
      const study = await readStudyFile(studyFilePath(file));
      const servers = await requireServers(process.env);
      const { stateDir } = foldersOf(process.env);
      if (servers.origin === 'stack') {
        await checkDisk(layoutOf(process.env));
        await refreshCodeIndex();
      }
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      const end = await runStudyFile(
        { temporal: servers.temporal(), s3: servers.s3(), stateDir },
        study,
        interrupted.signal,
        { join },
      );
      const lines =
        end === undefined
          ? [`reproduce/${study.name} goes on; watch it again with the same command`]
          : summaryLines(end);
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}
