import type { LegSpec } from '../study/spec.ts';

export type {
  EvaluateSpec,
  ExplainSpec,
  LegSpec,
  TeachSpec,
  TrainSpec,
  Trained,
} from '../study/spec.ts';

/** One launch of a leg, as an executor gets it. Nothing here but `spec` is in the key. */
export type Leg = {
  readonly key: string;
  readonly spec: LegSpec;
  /** The trial's id within its study, e.g. `sweep/resnet8/KD/s1029`. */
  readonly trial: string;
  readonly study: string;
  /** 0 for the first launch; the trial counts it up, never a retry of the activity. */
  readonly launch: number;
  /** Host memory to ask for, as a multiple of the usual; above 1 after the leg ran out of it. */
  readonly memoryFactor: number;
};
