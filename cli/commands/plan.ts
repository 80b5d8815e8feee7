import { Command, InvalidArgumentError } from 'commander';
import { errorText, isKdxError, KdxError } from '../../leg/errors.ts';
import { computeCodeIndex } from '../../learning/code.ts';
import { openS3Store } from '../../stores/s3.ts';
import { importsOf } from '../../study/imports.ts';
import { isPending } from '../../study/resolve.ts';
import { legSlots } from '../../environment/worker.ts';
import { checkVariables } from '../../environment/environment.ts';
import { ROOT } from '../../environment/root.ts';
import { unseenInfo } from '../dataset/unseen.ts';
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

With --gigaflops, a leg's device is taken to do so many 10⁹ operations a second, a multiply-add being
two, whatever was found: for a GPU that nothing has run on yet. With --price, device hours are counted
in money.

The store is the one that KDX_S3_* variables name, else that of this checkout's running stack. Without
any, or where it does not answer, the plan is made all the same, and says that nothing was looked up.

Examples:
  kdx plan digits
  kdx plan studies/mine.json
  kdx plan studies/mine.json --gigaflops 4000 --price 2.50
  kdx plan studies/mine.json --json | jq '.trials[] | select(.state == "todo") | .id'`;

/** `kdx plan <study>`: what a study would run, and what it would find. */
export function planCommand(): Command {
  return new Command('plan')
    .description('what a study would run: trials found by key or to do, shares of cost, time')
    .argument('<study>', 'a study file, or the name of one in studies/')
    .option('--json', 'for programs: every trial with its key')
    .option('--gigaflops <n>', 'what a device does a second, for the time', positive)
    .option('--price <n>', 'of a device hour, for the cost', positive)
    .addHelpText('after', HELP)
    .action(async (study: string, { json, ...told }: Options) => {
      checkVariables(process.env);
      const { forecast, problem } = await forecastOf(study, told);
      const lines = [...forecastLines(forecast), ...(problem === undefined ? [] : [problem])];
      const answer = { ...forecast, ...(problem === undefined ? {} : { problem }) };
      const text = json === true ? JSON.stringify(answer, undefined, 2) : lines.join('\n');
      process.stdout.write(`${text}\n`);
    });
}

type Options = {
  readonly json?: boolean;
  readonly gigaflops?: number;
  readonly price?: number;
};

/** @throws InvalidArgumentError for anything but a positive number */
function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('allowed: a positive number.');
}

/** How long a store that does not answer is tried again. */
const PATIENCE_SECONDS = 3;

type Planned = {
  readonly forecast: Forecast;
  /** Why nothing was looked up. */
  readonly problem?: string;
};

async function forecastOf(name: string, { gigaflops, price }: Options): Promise<Planned> {
  const assumed = {
    ...(gigaflops === undefined ? {} : { gigaflops }),
    ...(price === undefined ? {} : { pricePerDeviceHour: price }),
  };
  const { input } = await readStudyFile(studyFilePath(name));
  const written = resolveInput(input);
  const parallel = Math.min(written.limits.parallel, legSlots(process.env));
  const code = computeCodeIndex(ROOT);
  const servers = await findServers(process.env);
  try {
    if (servers === undefined) throw new KdxError('ObjectStore', NO_SERVERS);
    const store = openS3Store({ ...servers.s3(), retrySeconds: PATIENCE_SECONDS });
    const { study, datasetDigest } = await resolveWithStore(store, input);
    const context = { datasetDigest, code };
    return { forecast: await forecastStudy(store, study, context, parallel, assumed) };
  } catch (error) {
    // Without a store or without the dataset there are no keys to look up; the plan itself stands, but
    // of a dataset, or with a teacher from elsewhere, that the store alone knows.
    const isKnown = isKdxError(error) && ['ObjectStore', 'DataMismatch'].includes(error.code);
    const study = isPending(written)
      ? resolveInput(input, unseenInfo(written.dataset.name))
      : written;
    if (!isKnown || isPending(study) || importsOf(study).length > 0) throw error;
    const forecast = await forecastStudy(
      undefined,
      study,
      { datasetDigest: '', code },
      parallel,
      assumed,
    );
    return { forecast, problem: `nothing was looked up: ${errorText(error)}` };
  }
}
