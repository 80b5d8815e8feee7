import { missing, quantity, type Prose, type Row, type Table } from '../page/content.ts';
import { bytes, fixed, NOTHING, seconds } from '../format.ts';
import type { ReportTrial } from '../input.ts';
import type { Trials } from '../trials.ts';

/** A teach leg, the trainings that read its logits, and what both took, in seconds. */
type Saving = {
  readonly teach: ReportTrial;
  readonly readers: readonly ReportTrial[];
  readonly teachSeconds: number;
  readonly readerSeconds: number;
  /** What running the teacher in each reader would have taken beside it. */
  readonly runningSeconds: number;
};

/** The legs that computed teachers' logits beforehand. */
export function teachLegs({ all }: Trials): readonly ReportTrial[] {
  return all.filter(({ result }) => result?.spec.kind === 'teach');
}

/**
 * What it saved to run a teacher once for all trainings of a data stream. What the trainings would have
 * taken without is an estimate and named so: nobody ran them.
 */
export function teachOnceTable(trials: Trials): Table {
  const savings = teachLegs(trials).map((teach) => savingOf(teach, trials.all));
  return {
    id: 'teach-once',
    caption:
      'What each teacher said once, and who read it. The time with the teacher running is an estimate: the readers’ own, and for each of them the teacher’s forward passes at the pace of the teach leg.',
    columns: [
      { label: 'Teach leg' },
      { label: 'readers', numeric: true },
      { label: 'logits', numeric: true, hint: 'half precision, all epochs' },
      { label: 'teach leg, time', numeric: true },
      { label: 'readers, time', numeric: true },
      { label: 'teacher running, estimate', numeric: true },
      {
        label: 'saved, estimate',
        numeric: true,
        hint: 'share of the time with the teacher running',
      },
    ],
    rows: savings.map(savingRow),
    notes: [],
  };
}

function savingOf(teach: ReportTrial, all: readonly ReportTrial[]): Saving {
  const digest = teach.result?.files['logits']?.digest;
  const readers = all.filter(({ result }) => {
    return result?.spec.kind === 'train' && result.spec.teacher?.logits === digest;
  });
  const rows = teach.result?.metrics['logits.rows'] ?? Number.NaN;
  const pace = teach.runs.at(-1)?.imagesPerSecond ?? Number.NaN;
  return {
    ...{ teach, readers },
    teachSeconds: secondsOf([teach]),
    readerSeconds: secondsOf(readers),
    runningSeconds: (readers.length * rows) / pace,
  };
}

function secondsOf(trials: readonly ReportTrial[]): number {
  const runs = trials.flatMap((trial) => trial.runs);
  return runs.reduce((total, run) => total + run.seconds, 0);
}

function savingRow({ teach, readers, ...times }: Saving): Row {
  const { teachSeconds, readerSeconds, runningSeconds } = times;
  const without = readerSeconds + runningSeconds;
  const saved = 100 * (1 - (teachSeconds + readerSeconds) / without);
  const from = [teach, ...readers];
  const size = teach.result?.metrics['logits.bytes'] ?? Number.NaN;
  const cell = (text: string, trials: readonly ReportTrial[], what: string): Prose => [
    text.startsWith(NOTHING) ? missing(`${what}: not known`) : quantity(text, trials, what),
  ];
  return {
    head: [teach.id],
    cells: [
      cell(String(readers.length), readers, 'trainings that read these logits'),
      cell(bytes(size), [teach], 'bytes of logits in the store'),
      cell(seconds(teachSeconds), [teach], 'wall time of all processes'),
      cell(seconds(readerSeconds), readers, 'wall time of all processes'),
      cell(seconds(without), from, 'estimate from the pace of the teach leg; it was not run'),
      cell(`${fixed(saved, 0)} %`, from, 'estimate: the teach leg counted as cost'),
    ],
  };
}
