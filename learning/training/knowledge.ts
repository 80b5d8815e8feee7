import type { Knowledge } from '../../distillers/contract.ts';
import type { tf } from '../engine/backend.ts';
import type { Forward } from '../engine/network.ts';

/** The tensors of a forward pass that losses may read. */
export function knowledgeOf({
  logits,
  features,
  pooled,
  vamEntropy,
  lastMap,
  classify,
  moved,
  preActivations,
  norms,
}: Forward): Knowledge {
  return {
    logits,
    maps: features.filter(({ rank }) => rank === 4) as tf.Tensor4D[],
    ...(pooled === undefined ? {} : { embedding: pooled }),
    ...(lastMap === undefined ? {} : { lastMap }),
    ...(classify === undefined ? {} : { classify }),
    ...(moved === undefined ? {} : { moved }),
    ...(preActivations.length === 0 ? {} : { preActivations }),
    ...(norms === undefined || norms.length === 0 ? {} : { norms }),
    ...(vamEntropy === undefined ? {} : { attentionEntropy: vamEntropy }),
  };
}
