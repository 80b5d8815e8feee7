import type { EvaluationToCome, LegSpec } from '../study/spec.ts';

export type {
  EvaluateSpec,
  EvaluationToCome,
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
  /**
   * First 8 hex digits of the run id of the trial's workflow: a trial that is started again counts its
   * launches from 0, and must not adopt what an earlier run of it has left.
   */
  readonly run: string;
  /** 0 for the first launch; the trial counts it up, never a retry of the activity. */
  readonly launch: number;
  readonly resources: LegResources;
  /** Hosts on which this leg has failed: another one is preferred while there is one. */
  readonly avoidHosts?: readonly string[];
  /**
   * Of a training: the evaluation to compute as well, while the process is there. The weights that
   * come out complete its spec, and so its key.
   */
  readonly evaluation?: EvaluationToCome;
};

/** What a leg asks its host for. */
export type LegResources = {
  /** Host memory. */
  readonly memoryMiB: number;
  /** The least kind of device that will do, by the executor's own name for it; absent: any. */
  readonly flavour?: string;
};

/** Where the legs of a study run; settled once, when the study is resolved. */
export type Place = {
  readonly executor: 'local' | 'kubernetes' | 'pool';
  /** The executor's names for kinds of the study's device, smallest first; none where a host has what it has. */
  readonly flavours: readonly string[];
};

/** Processes beside the worker that takes them. */
export const LOCAL_PLACE: Place = { executor: 'local', flavours: [] };

/** What a leg is given while nothing has been estimated or measured. */
export const DEFAULT_RESOURCES: LegResources = { memoryMiB: 2048 };
/** No leg is given more, however often it has run out of memory. */
export const MEMORY_CAP_MIB = 65_536;

/** The name of a launch, unique over all runs of its trial: `<kind>-<key16>-<run8>-n<launch>`. */
export function launchName({ key, spec, run, launch }: Leg): string {
  return `${spec.kind}-${key.slice(0, 16)}-${run}-n${launch}`;
}
