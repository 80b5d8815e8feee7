import type { LegPorts } from '../leg/ports.ts';
import type { EpochRecord } from '../leg/records.ts';
import type { Result, RunRecord } from '../leg/result.ts';
import type { TrialNode } from '../study/plan/plan.ts';
import type { EvaluateSpec, ExplainSpec, TeachSpec, TrainSpec } from '../study/spec.ts';

/** What verifying needs: the computation itself, and this machine's class. */
export type VerifyTools = {
  /** Recomputes an evaluation or an explanation from stored weights; commits nothing. */
  readonly recompute: (spec: EvaluateSpec | ExplainSpec, ports: LegPorts) => Promise<Result>;
  /** Recomputes a teacher's logits in some epochs: the bytes of each. */
  readonly recomputeLogits: (
    spec: TeachSpec,
    epochs: readonly number[],
    ports: Pick<LegPorts, 'readBlob'>,
  ) => Promise<ReadonlyMap<number, Uint8Array>>;
  /** Recomputes a training's metrics from its epoch log. */
  readonly metricsOfLog: (
    spec: TrainSpec,
    epochs: readonly EpochRecord[],
  ) => Readonly<Record<string, number>>;
  readonly readBlob: (digest: string) => Promise<Uint8Array>;
  /** Text of an error that concerns one trial; throws where nothing more can be verified. */
  readonly problemOf: (error: unknown) => Promise<string>;
  readonly deviceClass: RunRecord['deviceClass'];
};

/** A trial that has a result. */
export type VerifiedTrial = {
  readonly node: Pick<TrialNode, 'id' | 'epochs'>;
  readonly key: string;
  readonly result: Result;
  /** Whether it was computed in this machine's class of device. */
  readonly sameClass: boolean;
};
