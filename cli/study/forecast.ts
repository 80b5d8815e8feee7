import type { RunRecord } from '../../leg/result.ts';
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
import { estimateDeviceSeconds, gigaflopsOf } from './estimate.ts';

/**
 * Where a trial would begin. `found`: its result is there. `later`: its key is not known before what
 * it needs is done. `blocked`: what it needs has diverged. `unknown`: there was no store to look in.
 */
export type PlannedState = 'found' | 'diverged' | 'todo' | 'later' | 'blocked' | 'unknown';

export type PlannedTrial = {
  readonly id: string;
  readonly kind: TrialNode['kind'];
  readonly state: PlannedState;
  readonly key?: string;
  readonly epochs: number;
  /** Share of the study's estimated cost. */
  readonly share: number;
  /** Host memory of its leg: the peak of the processes that computed it, else an estimate. */
  readonly memory: { readonly bytes: number; readonly measured: boolean };
};

/** What a study would run, and what it would find. */
export type Forecast = {
  readonly study: string;
  readonly trials: readonly PlannedTrial[];
  /** Share of the estimated cost that is to be done. */
  readonly shareToDo: number;
  /** Legs to come; more than the least where trainings start before a teacher that they are compared with. */
  readonly legs: { readonly least: number; readonly most: number };
  /** Trials at once that the time is estimated for. */
  readonly parallel: number;
  /** What the time comes from: the trials found, the speed that was told, or a rough one of a CPU thread. */
  readonly pace: 'measured' | 'told' | 'estimated';
  /** Absent on a GPU while no trial has been found. */
  readonly etaSeconds?: number;
  /** Device hours to come, at the same pace, and the limit of the study where it sets one. */
  readonly deviceHours?: { readonly toDo: number; readonly limit?: number };
  /** What the device hours to come cost, in the unit of the price that was told. */
  readonly price?: { readonly perDeviceHour: number; readonly toDo: number };
};

/** What the user knows of the devices. */
export type Assumptions = {
  /** 10⁹ operations that a leg's device does in a second, a multiply-add being two. */
  readonly gigaflops?: number;
  readonly pricePerDeviceHour?: number;
};

const SECONDS_PER_HOUR = 3600;
const MIB = 1024 ** 2;
const TO_DO: readonly PlannedState[] = ['todo', 'later', 'unknown'];

type Store = Pick<ArtifactStore, 'getJson' | 'list' | 'location'>;

/**
 * Looks every trial of a study up by its key, without running or writing anything. Without a store,
 * every trial counts as one to do.
 */
export async function forecastStudy(
  store: Store | undefined,
  study: Study,
  context: PlanContext,
  parallel: number,
  assumed: Assumptions = {},
): Promise<Forecast> {
  const nodes = expandStudy(study, context);
  const whole = nodes.reduce((sum, { cost }) => sum + cost, 0);
  const weights = new Map<string, string>();
  const states = new Map<string, PlannedState>();
  const pace = { cost: 0, seconds: 0 };
  const trials: PlannedTrial[] = [];
  for (const node of nodes) {
    const { state, key, digest, runs = [] } = await lookUp(store, node, states, weights);
    states.set(node.id, state);
    if (digest !== undefined) weights.set(node.id, digest);
    if (state === 'found') {
      pace.seconds += runs.reduce((sum, { seconds }) => sum + seconds, 0);
      pace.cost += node.cost;
    }
    const { id, kind, epochs } = node;
    const keyed = key === undefined ? {} : { key };
    const share = node.cost / whole;
    trials.push({ id, kind, state, ...keyed, epochs, share, memory: memoryOf(node, runs) });
  }
  const shareToDo = trials
    .filter(({ state }) => TO_DO.includes(state))
    .reduce((sum, { share }) => sum + share, 0);
  const time = timeOf(study, shareToDo * whole, pace, { ...assumed, parallel });
  const legs = legsToDo(nodes, (id) => TO_DO.includes(states.get(id) ?? 'unknown'));
  return { study: study.name, trials, shareToDo, legs, parallel, ...time };
}

/** The leg of a training computes its evaluation too, where all that needs is there when it starts. */
function legsToDo(nodes: readonly TrialNode[], isToDo: (id: string) => boolean): Forecast['legs'] {
  const trainings = new Map(
    nodes.flatMap((node) => {
      const { id, evaluation } = node;
      return evaluation === undefined || !isToDo(id) ? [] : [[evaluation.trial, node] as const];
    }),
  );
  const legs = { least: 0, most: 0 };
  for (const { id } of nodes.filter((node) => isToDo(node.id))) {
    const training = trainings.get(id);
    const isKnown = training?.evaluation?.needs.every(
      (need) => training.needs.includes(need) || !isToDo(need),
    );
    if (training === undefined) legs.least += 1;
    if (isKnown !== true) legs.most += 1;
  }
  return legs;
}

function memoryOf({ memoryMiB }: TrialNode, runs: readonly RunRecord[]): PlannedTrial['memory'] {
  const peaks = runs.map(({ peakBytes }) => peakBytes);
  if (peaks.length > 0) return { bytes: Math.max(...peaks), measured: true };
  return { bytes: memoryMiB * MIB, measured: false };
}

function timeOf(
  { device, limits }: Study,
  costToDo: number,
  found: { readonly cost: number; readonly seconds: number },
  { gigaflops, pricePerDeviceHour, parallel }: Assumptions & Pick<Forecast, 'parallel'>,
): Pick<Forecast, 'pace' | 'etaSeconds' | 'deviceHours' | 'price'> {
  const isMeasured = gigaflops === undefined && found.seconds > 0;
  const pace = isMeasured ? 'measured' : gigaflops === undefined ? 'estimated' : 'told';
  const speed = gigaflops ?? gigaflopsOf(device);
  if (!isMeasured && speed === undefined) return { pace };
  const seconds = isMeasured
    ? (found.seconds / found.cost) * costToDo
    : estimateDeviceSeconds(speed ?? Number.NaN, costToDo);
  const limit = limits.gpuHours === undefined ? {} : { limit: limits.gpuHours };
  const hours = seconds / SECONDS_PER_HOUR;
  const perDeviceHour = pricePerDeviceHour;
  return {
    ...{ pace, etaSeconds: seconds / parallel, deviceHours: { toDo: hours, ...limit } },
    ...(perDeviceHour === undefined
      ? {}
      : { price: { perDeviceHour, toDo: hours * perDeviceHour } }),
  };
}

type LookedUp = {
  readonly state: PlannedState;
  readonly key?: string;
  /** Of what it hands on: weights, or a teacher's logits. */
  readonly digest?: string;
  /** Its processes that ended. */
  readonly runs?: readonly RunRecord[];
};

async function lookUp(
  store: Store | undefined,
  node: TrialNode,
  states: ReadonlyMap<string, PlannedState>,
  weights: ReadonlyMap<string, string>,
): Promise<LookedUp> {
  if (store === undefined) return { state: 'unknown' };
  const needs = node.needs.map((need) => states.get(need));
  if (needs.some((state) => state === 'diverged' || state === 'blocked')) {
    return { state: 'blocked' };
  }
  if (!node.needs.every((need) => weights.has(need))) return { state: 'later' };
  const { key } = bindTrial(node, weights);
  const [result, runs] = await Promise.all([readResult(store, key), listRuns(store, key)]);
  if (result === undefined) return { state: 'todo', key, runs };
  if (result.status === 'diverged') return { state: 'diverged', key, runs };
  const digest = handedOn(node, result.files)?.digest;
  return { state: 'found', key, runs, ...(digest === undefined ? {} : { digest }) };
}
