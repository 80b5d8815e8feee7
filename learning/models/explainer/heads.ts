import { tf } from '../../engine/backend.ts';
import type { Builder, Context } from '../../engine/builder.ts';
import { dropout } from '../../engine/dropout.ts';
import { adaptivePoolMatrix2d } from '../../engine/pooling.ts';

/** The reference enlarges the last map to 7 × 7 by adaptive pooling, whatever its size. */
const POOLED_SIZE = 7;
const HIDDEN = 128;
const DROPOUT_RATE = 0.15;

/**
 * Maps of the last level flattened as the heads read them: [B, S, S, C] → [B, C·49], the channel
 * outermost (row c·49 + y·7 + x of a head's first kernel), as in the reference.
 */
export function flattenMap(map: tf.Tensor4D): tf.Tensor2D {
  const [batch, size, , channels] = map.shape;
  const planes = tf.reshape<tf.Rank.R2>(tf.transpose(map, [0, 3, 1, 2]), [-1, size * size]);
  const pooled = tf.matMul(planes, adaptivePoolMatrix2d(size, POOLED_SIZE));
  return tf.reshape(pooled, [batch, channels * POOLED_SIZE ** 2]);
}

type BatchedLinear = (x: tf.Tensor3D) => tf.Tensor3D;

/** One linear layer for each of `classes` heads: [classes, B, inputs] → [classes, B, outputs]. */
function batchedLinear(
  builder: Builder,
  name: string,
  inputs: number,
  outputs: number,
): BatchedLinear {
  const { classes } = builder.options;
  const initial = { kind: 'normal', standardDeviation: 0.01 } as const;
  const kernel = builder.parameter(`${name}/kernel`, [classes, inputs, outputs], initial);
  const zero = { kind: 'constant', value: 0 } as const;
  const bias = builder.parameter(`${name}/bias`, [classes, outputs], zero);
  builder.countMultiplyAdds(classes * inputs * outputs);
  return (x) => {
    const product = tf.matMul(x, kernel);
    return tf.add(product, tf.reshape(bias, [classes, 1, outputs]));
  };
}

/**
 * One head per class, all computed at once: two hidden layers with dropout and one output, the
 * class's logit (objective `joint`). Gives [classes, B, inputs] → [B, classes].
 */
export function classHeads(
  builder: Builder,
  channels: number,
): (x: tf.Tensor3D, context: Context) => tf.Tensor2D {
  const { classes } = builder.options;
  const first = batchedLinear(builder, 'heads/linear1', channels * POOLED_SIZE ** 2, HIDDEN);
  const second = batchedLinear(builder, 'heads/linear2', HIDDEN, HIDDEN);
  const last = batchedLinear(builder, 'heads/linear3', HIDDEN, 1);

  return (x, { mode, dropoutSeed }) => {
    const drop = (hidden: tf.Tensor3D, salt: number): tf.Tensor3D =>
      mode === 'train' && dropoutSeed !== undefined
        ? dropout(hidden, DROPOUT_RATE, dropoutSeed, salt)
        : hidden;
    const hidden1 = drop(tf.relu(first(x)), 1);
    const hidden2 = drop(tf.relu(second(hidden1)), 2);
    const logits = tf.reshape<tf.Rank.R2>(last(hidden2), [classes, -1]);
    return tf.transpose(logits);
  };
}
