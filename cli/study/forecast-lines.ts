import { GIGAFLOPS_A_THREAD } from './estimate.ts';
import type { Forecast, PlannedState, PlannedTrial } from './forecast.ts';
import { duration } from './view.ts';

const MIB = 1024 ** 2;
const SECONDS_PER_HOUR = 3600;

/** Rows for a terminal: trials that differ in their seed alone are one. */
export function forecastLines(forecast: Forecast): readonly string[] {
  const { study, trials } = forecast;
  const groups = Map.groupBy(trials, ({ id }) => id.replace(/\/s\d+(?=\/|$)/, '/*'));
  const width = Math.max(...[...groups.keys()].map((name) => name.length));
  const rows = [...groups].map(([name, members]) => {
    const share = members.reduce((sum, trial) => sum + trial.share, 0);
    const epochs = members[0]?.kind === 'train' ? `${members[0].epochs} epochs` : '';
    return `  ${name.padEnd(width)}  ${percent(share)}  ${epochs.padEnd(11)}${stateText(members)}`;
  });
  return [
    `${study}: ${trials.length} trials: ${stateText(trials)}`,
    ...rows,
    memoryLine(trials),
    timeLine(forecast),
    ...priceLines(forecast),
    ...limitLines(forecast),
  ];
}

/** What the largest leg needs of its host. */
function memoryLine(trials: readonly PlannedTrial[]): string {
  const { bytes, measured } = trials.reduce((a, b) =>
    b.memory.bytes > a.memory.bytes ? b : a,
  ).memory;
  const origin = measured ? 'measured' : 'estimated';
  return `memory of one leg: up to ${Math.ceil(bytes / MIB)} MiB (${origin})`;
}

function timeLine(forecast: Forecast): string {
  const { shareToDo, legs, parallel, etaSeconds, pace, deviceHours } = forecast;
  if (shareToDo === 0) return 'nothing would run';
  const { least, most } = legs;
  const count = least === most ? String(most) : `${least} to ${most}`;
  const share = `would run: ${percent(shareToDo).trim()} of the work in ${count} legs`;
  if (etaSeconds === undefined || deviceHours === undefined) {
    return `${share}; no pace is known yet: tell one with --gigaflops`;
  }
  const device = `${duration(deviceHours.toDo * SECONDS_PER_HOUR)} of device time`;
  const origin = {
    measured: 'at the pace of the trials found',
    told: 'at the speed that was told',
    estimated: `a rough estimate: ${GIGAFLOPS_A_THREAD} GFLOP/s a thread`,
  }[pace];
  return `${share}, about ${duration(etaSeconds)} with ${parallel} at once (${device}, ${origin})`;
}

function priceLines({ price }: Forecast): readonly string[] {
  if (price === undefined) return [];
  const total = price.toDo.toLocaleString('en', {
    maximumFractionDigits: price.toDo < 100 ? 2 : 0,
  });
  return [`price: about ${total} at ${price.perDeviceHour} a device hour`];
}

/** A warning where the limit of device time would stop the study. */
function limitLines({ deviceHours }: Forecast): readonly string[] {
  if (deviceHours?.limit === undefined || deviceHours.toDo <= deviceHours.limit) return [];
  const { toDo, limit } = deviceHours;
  return [
    `limits.gpuHours: about ${Number(toDo.toPrecision(2))} h to do; allowed: ${limit} h: it would stop there`,
  ];
}

const STATE_TEXT: Readonly<Record<PlannedState, string>> = {
  found: 'found',
  diverged: 'diverged',
  todo: 'to do',
  later: 'to do later',
  blocked: 'blocked',
  unknown: 'not looked up',
};

function stateText(trials: readonly PlannedTrial[]): string {
  return [...Map.groupBy(trials, ({ state }) => state)]
    .map(([state, members]) => `${members.length} ${STATE_TEXT[state]}`)
    .join(', ');
}

const percent = (share: number): string => `${(100 * share).toFixed(1).padStart(5)} %`;
