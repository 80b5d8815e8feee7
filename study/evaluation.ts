import type { EvaluateSpec, EvaluationToCome, Trained, TrainSpec } from './spec.ts';

/** The network that a training leaves. @param weights digest of its weights */
export function networkOf({ model, vam, gates, answering }: TrainSpec, weights: string): Trained {
  return {
    model,
    ...(vam === undefined ? {} : { vam }),
    ...(gates === undefined ? {} : { gates }),
    ...(answering === undefined ? {} : { answering }),
    weights,
  };
}

/** The evaluation of a network: the plan and the leg of its training give it the same key. */
export function evaluationOf(spec: EvaluationToCome['spec'], network: Trained): EvaluateSpec {
  return { ...spec, network };
}
