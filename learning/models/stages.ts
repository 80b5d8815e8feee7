/** Networks that are a stem, stages of blocks that end activated, an average and a classifier. */
import type { tf } from '../engine/backend.ts';
import type { Body, Context } from '../engine/builder.ts';
import type { Activated, NormLayer } from '../engine/layers.ts';
import type { Affine, Forward } from '../engine/network.ts';
import { globalAveragePool } from '../engine/pooling.ts';

/** Part of a stage: maps to maps, with what its last activation kept. */
export type Block = (x: tf.Tensor4D, context: Context) => Activated;

/** Features: f0 stem, f1 … ends of the stages, the last one pooled. */
export function stagedBody(
  stem: NormLayer,
  stages: readonly (readonly Block[])[],
  classifier: (pooled: tf.Tensor2D) => tf.Tensor2D,
): Body {
  return (images, context): Forward => {
    let x = stem.rectified(images, context);
    const features: tf.Tensor[] = [x];
    const preActivations: tf.Tensor4D[] = [];
    const norms: Affine[] = [];
    for (const stage of stages) {
      let preActivation: tf.Tensor4D | undefined;
      let affine: Affine | undefined;
      for (const block of stage) ({ active: x, preActivation, affine } = block(x, context));
      features.push(x);
      if (preActivation !== undefined) preActivations.push(preActivation);
      if (affine !== undefined) norms.push(affine);
    }
    const pooled = globalAveragePool(x);
    return {
      logits: classifier(pooled),
      features: [...features, pooled],
      ...{ preActivations, norms, pooled },
      lastMap: x,
      classify: classifier,
    };
  };
}
