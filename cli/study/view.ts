import type { Progress } from '../../leg/result.ts';
import { bytes } from '../../report/format.ts';
import type { StudyStatus, TrialStatus } from '../../study/status.ts';
import { isNews, retriedLine, type Retried } from './retried.ts';

/** What is known of a study at one moment. */
export type Moment = {
  readonly status: StudyStatus;
  /** Trials whose state has changed since the moment before. */
  readonly changed: readonly TrialStatus[];
  /** Trials under way: as many as there is room for. */
  readonly running: readonly TrialStatus[];
  /** Last word of the legs under way, by trial id. */
  readonly progress: ReadonlyMap<string, Progress>;
  /** Activities that failed and are tried again, by trial id, and by its name those of the study. */
  readonly retried: ReadonlyMap<string, readonly Retried[]>;
};

const BAR_WIDTH = 16;

/** The picture of a study for a terminal, redrawn in place: a headline, then the trials under way. */
export function picture(
  { status, running, progress, retried }: Moment,
  columns: number,
): readonly string[] {
  const width = Math.max(0, ...running.map(({ id }) => id.length));
  const rows = running.map((trial) => {
    const leg = progress.get(trial.id);
    const words = leg === undefined ? `${bar(0)}  starting` : legWords(leg);
    return `  ${trial.id.padEnd(width)}  ${words}`;
  });
  const failures = [...retried].flatMap(([id, activities]) =>
    activities.map((activity) => `  ${id}: ${retriedLine(activity)}`),
  );
  return [headline(status), ...rows, ...failures].map((line) =>
    line.slice(0, Math.max(20, columns - 1)),
  );
}

/**
 * What happened between two moments, one line an event, for logs and pipes: a trial that started,
 * ended or went on to its next epoch.
 */
export function events(before: Moment | undefined, now: Moment): readonly string[] {
  const lines: string[] = [];
  const phase = phaseText(now.status);
  if (before === undefined || phaseText(before.status) !== phase) {
    lines.push(`${now.status.study}: ${phase}`);
  }
  lines.push(...now.changed.map(stateLine));
  for (const { id } of now.running) {
    const leg = now.progress.get(id);
    const moved = leg !== undefined && leg.epoch !== before?.progress.get(id)?.epoch;
    if (moved) lines.push(`${id}: ${legLine(leg)}`);
  }
  lines.push(...retriedEvents(before, now));
  return lines;
}

function retriedEvents(before: Moment | undefined, now: Moment): readonly string[] {
  return [...now.retried].flatMap(([id, activities]) => {
    const earlier = before?.retried.get(id) ?? [];
    return activities
      .filter((activity) => {
        const last = earlier.find((other) => other.activity === activity.activity);
        return isNews(last, activity);
      })
      .map((activity) => `${id}: ${retriedLine(activity)}`);
  });
}

/** Seconds as a person says them: `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

function headline(status: StudyStatus): string {
  const { counts, total } = status;
  const settled = total - counts.waiting - counts.running - counts.cancelled;
  const failed = counts.failed + counts.blocked + counts.diverged;
  return [
    `${status.study}  ${bar(status.doneShare)}  ${phaseText(status)}`,
    `${settled} of ${total} trials`,
    ...(counts.found > 0 ? [`${counts.found} found`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(status.gpuHours === undefined ? [] : [deviceHours(status.gpuHours)]),
    ...(status.etaSeconds === undefined ? [] : [`ETA ${duration(status.etaSeconds)}`]),
    ...(status.best === undefined
      ? []
      : [`best ${status.best.top1.toFixed(2)} % (${status.best.id})`]),
  ].join(' · ');
}

function phaseText({ phase, pausedBecause }: StudyStatus): string {
  return pausedBecause === undefined ? phase : `${phase}: ${pausedBecause}`;
}

function deviceHours({ used, limit }: NonNullable<StudyStatus['gpuHours']>): string {
  return `${used.toFixed(2)} of ${limit} GPU hours`;
}

function stateLine(trial: TrialStatus): string {
  const score = trial.top1 === undefined ? '' : `, top-1 ${trial.top1.toFixed(2)} %`;
  const failure =
    trial.failure === undefined ? '' : `, ${trial.failure.code}: ${trial.failure.message}`;
  const size =
    trial.bytes === undefined || trial.state !== 'running'
      ? ''
      : `, to store ${bytes(trial.bytes)} of logits`;
  return `${trial.id}: ${trial.state}${size}${score}${failure}`;
}

function legLine(leg: Progress): string {
  const place = `epoch ${leg.epoch}/${leg.epochs}`;
  if (leg.etaSeconds === undefined) return `${place}, warming up`;
  const rate = `${Math.round(leg.imagesPerSecond)} images/s`;
  return `${place}, ${rate}, ETA ${duration(leg.etaSeconds)}`;
}

function legWords(leg: Progress): string {
  const share = leg.epochs === 0 ? 0 : (leg.epoch + leg.step / Math.max(1, leg.steps)) / leg.epochs;
  const { loss: last } = leg;
  const loss = last !== undefined && Number.isFinite(last) ? `  loss ${last.toFixed(3)}` : '';
  return `${bar(share)}  ${legLine(leg)}${loss}`;
}

function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH);
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
}
