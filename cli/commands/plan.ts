import { Command } from 'commander';
import { errorText, isKdxError, KdxError } from '../../leg/errors.ts';
import { computeCodeIndex } from '../../learning/code.ts';
import { openS3Store } from '../../stores/s3.ts';
import { isPending } from '../../study/resolve.ts';
import { legSlots } from '../../environment/worker.ts';
import { checkVariables } from '../../environment/environment.ts';
import { ROOT } from '../../environment/root.ts';
import { findServers, NO_SERVERS } from '../servers.ts';
import { readStudyFile, studyFilePath } from '../study/file.ts';
import { forecastStudy, type Forecast } from '../study/forecast.ts';
import { forecastLines } from '../study/forecast-lines.ts';
import { resolveInput, resolveWithStore } from '../study/resolve.ts';

const HELP = `
Nothing is run and nothing is written. Every trial is looked up in the store by its key, as the study
itself does it:
  found         its result is there and would be used
  to do         would run now
  to do later   its key is not known before what it needs is done
  blocked       what it needs has diverged
Percentages are shares of the study's estimated cost. The time comes from the pace of the trials that
were found; where none was, from a rough speed of a CPU thread.

The store is the one that KDX_S3_* variables name, else that of this checkout's running stack. Without
any, or where it does not answer, the plan is made all the same, and says that nothing was looked up.

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
      const { forecast, problem } = await forecastOf(study);
      const lines = [...forecastLines(forecast), ...(problem === undefined ? [] : [problem])];
      const answer = { ...forecast, ...(problem === undefined ? {} : { problem }) };
      const text = json === true ? JSON.stringify(answer, undefined, 2) : lines.join('\n');
      process.stdout.write(`${text}\n`);
    });
}

/** How long a store that does not answer is tried again. */
const PATIENCE_SECONDS = 3;

type Planned = {
  readonly forecast: Forecast;
  /** Why nothing was looked up. */
  readonly problem?: string;
};

async function forecastOf(name: string): Promise<Planned> {
  const { input } = await readStudyFile(studyFilePath(name));
  const written = resolveInput(input);
  const parallel = Math.min(written.limits.parallel, legSlots(process.env));
  const code = computeCodeIndex(ROOT);
  const servers = await findServers(process.env);
  try {
    if (servers === undefined) throw new KdxError('ObjectStore', NO_SERVERS);
    const store = openS3Store({ ...servers.s3(), retrySeconds: PATIENCE_SECONDS });
    const { study, datasetDigest } = await resolveWithStore(store, input);
    return { forecast: await forecastStudy(store, study, { datasetDigest, code }, parallel) };
  } catch (error) {
    // Without a store or without the dataset there are no keys to look up; the plan itself stands, but
    // of a dataset that the store alone knows.
    const isKnown = isKdxError(error) && ['ObjectStore', 'DataMismatch'].includes(error.code);
    if (!isKnown || isPending(written)) throw error;
    const forecast = await forecastStudy(undefined, written, { datasetDigest: '', code }, parallel);
    return { forecast, problem: `nothing was looked up: ${errorText(error)}` };
  }
}
