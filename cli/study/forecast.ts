import { readResult } from '../../stores/results.ts';
import { listRuns } from '../../stores/runs.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import {
  bindTrial,
  expandStudy,
  handedOn,
  type PlanContext,
  type TrialNode,
} from '../../study/plan/plan.ts';
import type { Study } from '../../study/schema.ts';
import { duration } from './view.ts';

/**
 * Where a trial would begin. `found`: its result is there. `later`: its key is not known before what
 * it needs is done. `blocked`: what it needs has diverged.
 */
export type PlannedState = 'found' | 'diverged' | 'todo' | 'later' | 'blocked';

export type PlannedTrial = {
  readonly id: string;
  readonly kind: TrialNode['kind'];
  readonly state: PlannedState;
  readonly key?: string;
  readonly epochs: number;
  /** Share of the study's reckoned cost. */
  readonly share: number;
};

/** What a study would run, and what it would find. */
export type Forecast = {
  readonly study: string;
  readonly trials: readonly PlannedTrial[];
  /** Share of the reckoned cost that is to be done. */
  readonly shareToDo: number;
  /** Trials at once that the time is reckoned for. */
  readonly parallel: number;
  /** From the pace of the trials found; absent where none is. */
  readonly etaSeconds?: number;
  /** Device hours to come, at the same pace, and the limit of the study where it sets one. */
  readonly gpuHours?: { readonly toDo: number; readonly limit: number };
};

const SECONDS_PER_HOUR = 3600;

type Store = Pick<ArtifactStore, 'getJson' | 'list' | 'location'>;

/** Looks every trial of a study up by its key, without running or writing anything. */
export async function forecastStudy(
  store: Store,
  study: Study,
  context: PlanContext,
  parallel: number,
): Promise<Forecast> {
  const nodes = expandStudy(study, context);
  const whole = nodes.reduce((sum, { cost }) => sum + cost, 0);
  const weights = new Map<string, string>();
  const states = new Map<string, PlannedState>();
  const pace = { cost: 0, seconds: 0 };
  const trials: PlannedTrial[] = [];
  for (const node of nodes) {
    const { state, key, digest } = await lookUp(store, node, states, weights);
    states.set(node.id, state);
    if (digest !== undefined) weights.set(node.id, digest);
    if (state === 'found' && key !== undefined) {
      pace.seconds += await secondsOf(store, key);
      pace.cost += node.cost;
    }
    const { id, kind, epochs } = node;
    const share = node.cost / whole;
    trials.push({ id, kind, state, ...(key === undefined ? {} : { key }), epochs, share });
  }
  const shareToDo = trials
    .filter(({ state }) => state === 'todo' || state === 'later')
    .reduce((sum, { share }) => sum + share, 0);
  const deviceSeconds = (pace.seconds / pace.cost) * shareToDo * whole;
  const limit = study.limits.gpuHours;
  return {
    study: study.name,
    trials,
    shareToDo,
    parallel,
    ...(pace.seconds > 0 ? { etaSeconds: deviceSeconds / parallel } : {}),
    ...(pace.seconds > 0 && limit !== undefined
      ? { gpuHours: { toDo: deviceSeconds / SECONDS_PER_HOUR, limit } }
      : {}),
  };
}

type LookedUp = {
  readonly state: PlannedState;
  readonly key?: string;
  /** Of what it hands on: weights, or a teacher's logits. */
  readonly digest?: string;
};

async function lookUp(
  store: Store,
  node: TrialNode,
  states: ReadonlyMap<string, PlannedState>,
  weights: ReadonlyMap<string, string>,
): Promise<LookedUp> {
  const needs = node.needs.map((need) => states.get(need));
  if (needs.some((state) => state === 'diverged' || state === 'blocked')) {
    return { state: 'blocked' };
  }
  if (!node.needs.every((need) => weights.has(need))) return { state: 'later' };
  const { key } = bindTrial(node, weights);
  const result = await readResult(store, key);
  if (result === undefined) return { state: 'todo', key };
  if (result.status === 'diverged') return { state: 'diverged', key };
  const digest = handedOn(node, result.files)?.digest;
  return { state: 'found', key, ...(digest === undefined ? {} : { digest }) };
}

/** Seconds of the processes that ended with the result. */
async function secondsOf(store: Store, key: string): Promise<number> {
  const runs = await listRuns(store, key);
  return runs.reduce((sum, { seconds }) => sum + seconds, 0);
}

/** Rows for a terminal: trials that differ in their seed alone are one. */
export function forecastLines(forecast: Forecast): readonly string[] {
  const { study, trials, shareToDo, parallel, etaSeconds } = forecast;
  const groups = Map.groupBy(trials, ({ id }) => id.replace(/\/s\d+(?=\/|$)/, '/*'));
  const width = Math.max(...[...groups.keys()].map((name) => name.length));
  const rows = [...groups].map(([name, members]) => {
    const share = members.reduce((sum, trial) => sum + trial.share, 0);
    const epochs = members[0]?.kind === 'train' ? `${members[0].epochs} epochs` : '';
    return `  ${name.padEnd(width)}  ${percent(share)}  ${epochs.padEnd(11)}${stateText(members)}`;
  });
  const eta =
    etaSeconds === undefined ? '' : `, about ${duration(etaSeconds)} with ${parallel} at once`;
  const todo = `${percent(shareToDo).trim()} of the work`;
  const end =
    shareToDo === 0 ? 'nothing would run' : `would run: ${todo}${eta || '; no pace is known yet'}`;
  return [
    `${study}: ${trials.length} trials: ${stateText(trials)}`,
    ...rows,
    end,
    ...limitLines(forecast),
  ];
}

/** A warning where the limit of device time would stop the study. */
function limitLines({ gpuHours }: Forecast): readonly string[] {
  if (gpuHours === undefined || gpuHours.toDo <= gpuHours.limit) return [];
  const { toDo, limit } = gpuHours;
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
};

function stateText(trials: readonly PlannedTrial[]): string {
  return [...Map.groupBy(trials, ({ state }) => state)]
    .map(([state, members]) => `${members.length} ${STATE_TEXT[state]}`)
    .join(', ');
}

const percent = (share: number): string => `${(100 * share).toFixed(1).padStart(5)} %`;
