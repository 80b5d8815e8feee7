import { Command } from 'commander';
import { KdxError } from '../../leg/errors.ts';
import { computeCodeIndex } from '../../learning/code.ts';
import { openS3Store } from '../../stores/s3.ts';
import { problemsText, resolveStudy } from '../../study/resolve.ts';
import { publishDataset } from '../../stores/datasets.ts';
import { legSlots } from '../../environment/worker.ts';
import { checkVariables } from '../../environment/environment.ts';
import { ROOT } from '../../environment/root.ts';
import { layoutOf } from '../../stack/layout.ts';
import { readRunning } from '../../stack/record.ts';
import { readSettings } from '../../stack/settings.ts';
import { connections } from '../../stack/stack.ts';
import { readStudyFile, studyFilePath } from '../study/file.ts';
import { forecastLines, forecastStudy } from '../study/forecast.ts';

const HELP = `
Nothing is run and nothing is written: every trial is looked up in the store by its key, as the study
itself would do it. "to do": would run now. "to do later": its key is not known before what it needs
is done. "blocked": what it needs has diverged. The percentages are shares of the whole study's reckoned
cost; the time comes from the pace of the trials that were found, so it is absent where none was.

Examples:
  kdx plan digits
  kdx plan studies/mine.json
  kdx plan studies/mine.json --json | jq '.trials[] | select(.state == "todo") | .id'`;

/** `kdx plan <study>`: what a study would run, and what it would find. */
export function planCommand(): Command {
  return new Command('plan')
    .description('what a study would run: trials found by key or to do, shares of cost, time')
    .argument('<study>', 'a study file, or the name of one in studies/')
    .option('--json', 'for programs: every trial with its key')
    .addHelpText('after', HELP)
    .action(async (study: string, { json }: { readonly json?: boolean }) => {
      checkVariables(process.env);
      const forecast = await forecastOf(study);
      const text =
        json === true ? JSON.stringify(forecast, undefined, 2) : forecastLines(forecast).join('\n');
      process.stdout.write(`${text}\n`);
    });
}

/** A plan needs the digest of a dataset, and leaves nothing in the store. */
const NOWHERE = {
  putBlob: async (bytes: Uint8Array) => ({ digest: '', bytes: bytes.length }),
};

async function forecastOf(name: string) {
  const resolution = resolveStudy((await readStudyFile(studyFilePath(name))).input);
  if (!resolution.ok) throw new KdxError('SpecInvalid', problemsText(resolution.problems));
  const { study } = resolution;
  const layout = layoutOf(process.env);
  const settings = await readSettings(layout);
  if (settings === undefined || (await readRunning(layout)) === undefined) {
    throw new KdxError('Configuration', 'the stack is down; run: kdx up --detach');
  }
  const { s3, cacheDir } = connections(layout, settings);
  const context = {
    datasetDigest: await publishDataset(NOWHERE, { root: ROOT, cacheDir }, study.dataset.name),
    code: computeCodeIndex(ROOT),
  };
  const parallel = Math.min(study.limits.parallel, legSlots(process.env));
  return forecastStudy(openS3Store(s3), study, context, parallel);
}
