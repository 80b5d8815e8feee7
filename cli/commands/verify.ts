import { Command } from 'commander';
import { computeCodeIndex } from '../../learning/code.ts';
import { openS3Store } from '../../stores/s3.ts';
import { checkVariables } from '../../environment/environment.ts';
import { ROOT } from '../../environment/root.ts';
import { requireServers } from '../servers.ts';
import { readStudyFile, studyFilePath } from '../study/file.ts';
import { resolveWithStore } from '../study/resolve.ts';
import type { Check } from '../../verify/check.ts';
import { verifyStudy } from '../../verify/study.ts';
import { checkLine, failureOf, NONE, summaryLine } from '../../verify/summary.ts';
import { openVerifyTools } from '../../verify/tools.ts';

const EXAMPLES = `
Every evaluation and explanation is recomputed from the stored weights; on the same class of device
each number has to be equal to the bit. Of a training, every file is read back by its digest and its
metrics are recomputed from the epoch log; the training itself is not repeated, and is named so. Of a
teacher's cached logits the first and the last epoch are recomputed and every other one is read back.

A file that is damaged or missing ends nothing: it is named with its trial, the digest expected and
what was found. What cannot be recomputed without it says so, and everything else is verified.

Exit codes: 0 nothing differs or is damaged · 65 something does or is · 69 the store is out of reach

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
      const counts = { ...NONE };
      for await (const check of checks(study)) {
        counts[check.verdict] += 1;
        process.stdout.write(`${checkLine(check)}\n`);
      }
      process.stdout.write(`${summaryLine(counts)}\n`);
      const failure = failureOf(study, counts);
      if (failure !== undefined) throw failure;
    });
}

async function* checks(study: string): AsyncGenerator<Check> {
  const servers = await requireServers(process.env);
  const { input } = await readStudyFile(studyFilePath(study));
  const store = openS3Store(servers.s3());
  const { manifest, ...found } = await resolveWithStore(store, input);
  const resolved = { ...found, code: computeCodeIndex(ROOT) };
  const tools = await openVerifyTools(resolved.study.device, store);
  yield* verifyStudy(store, resolved, manifest, tools);
}
