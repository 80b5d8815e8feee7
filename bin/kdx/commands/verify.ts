import { Command } from 'commander';
import { gatherStudy } from '../../../activities/gather.ts';
import { KdxError } from '../../../leg/errors.ts';
import { computeCodeIndex } from '../../../learning/code.ts';
import { openS3Store } from '../../../stores/s3.ts';
import { problemsText, resolveStudy } from '../../../study/resolve.ts';
import { publishDataset } from '../../worker/datasets.ts';
import { checkVariables } from '../stack/environment.ts';
import { layoutOf, ROOT } from '../stack/layout.ts';
import { readRunning } from '../stack/record.ts';
import { readSettings } from '../stack/settings.ts';
import { connections } from '../stack/stack.ts';
import { readStudyFile, studyFilePath } from '../study/file.ts';
import type { Check, Verdict } from '../verify/check.ts';
import { openVerifyTools } from '../verify/tools.ts';
import { verifyTrial } from '../verify/verify.ts';

const EXAMPLES = `
Every evaluation and explanation is recomputed from the stored weights; on the same class of device
each number has to be equal to the bit. Of a training, every file is read back by its digest and its
metrics are recomputed from the epoch log; the training itself is not repeated, and is named so. Of a
teacher's cached logits the first and the last epoch are recomputed and every other one is read back.

Exit codes: 0 nothing differs · 65 something differs or cannot be read

Examples:
  kdx verify digits
  kdx verify studies/mine.json`;

/** `kdx verify <study>`: recompute what a study's report says from the artifacts. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('recompute every evaluation number of a study from its stored weights')
    .argument('<study>', 'a study file, or the name of one in studies/')
    .addHelpText('after', EXAMPLES)
    .action(async (study: string) => {
      checkVariables(process.env);
      const counts: Record<Verdict, number> = { equal: 0, close: 0, different: 0, unchecked: 0 };
      for await (const check of checks(study)) {
        counts[check.verdict] += 1;
        process.stdout.write(`${line(check)}\n`);
      }
      process.stdout.write(
        `${counts.equal} equal, ${counts.close} close, ${counts.different} different, ${counts.unchecked} not recomputed\n`,
      );
      if (counts.different > 0) {
        throw new KdxError('DataMismatch', `${study}: ${counts.different} checks differ`);
      }
      if (counts.equal + counts.close === 0) {
        throw new KdxError('DataMismatch', `${study}: nothing to verify; run: kdx study ${study}`);
      }
    });
}

async function* checks(study: string): AsyncGenerator<Check> {
  const layout = layoutOf(process.env);
  const settings = await readSettings(layout);
  if (settings === undefined || (await readRunning(layout)) === undefined) {
    throw new KdxError('Configuration', 'the stack is down; run: kdx up --detach');
  }
  const resolution = resolveStudy((await readStudyFile(studyFilePath(study))).input);
  if (!resolution.ok) throw new KdxError('SpecInvalid', problemsText(resolution.problems));
  const { cacheDir, s3 } = connections(layout, settings);
  const store = openS3Store(s3);
  const { dataset, device } = resolution.study;
  const datasetDigest = await publishDataset(store, { root: ROOT, cacheDir }, dataset.name);
  const resolved = { study: resolution.study, datasetDigest, code: computeCodeIndex(ROOT) };
  const trials = await gatherStudy(store, resolved, {});
  const tools = await openVerifyTools(device, store);
  for (const trial of trials) yield* await verifyTrial(trial, tools);
}

const MARKS: Readonly<Record<Verdict, string>> = {
  equal: 'equal    ',
  close: 'close    ',
  different: 'DIFFERENT',
  unchecked: '–        ',
};

function line({ trial, key, what, verdict, detail }: Check): string {
  return `${MARKS[verdict]} ${trial} ${(key ?? '').slice(0, 12)} ${what}: ${detail}`;
}
