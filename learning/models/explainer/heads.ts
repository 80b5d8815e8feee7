import type { ExplainerSettings } from '../../../study/models/explainer.ts';
import type { Heads } from '../../../study/catalog.ts';
import { tf } from '../../engine/backend.ts';
import type { Builder, Context } from '../../engine/builder.ts';
import { dropout } from '../../engine/dropout.ts';
import { adaptivePoolMatrix2d } from '../../engine/pooling.ts';

const DROPOUT_RATE = 0.15;

/**
 * Maps of the last level flattened as the heads read them: [B, S, S, C] → [B, C·P²] with P = 7 in the
 * reference, which enlarges the last map by adaptive pooling, whatever its size. The channel is
 * outermost (row c·P² + y·P + x of a head's first kernel).
 */
export function flattenMap(map: tf.Tensor4D, pooledSize: number): tf.Tensor2D {
  const [batch, size, , channels] = map.shape;
  const planes = tf.reshape<tf.Rank.R2>(tf.transpose(map, [0, 3, 1, 2]), [-1, size * size]);
  const pooled = tf.matMul(planes, adaptivePoolMatrix2d(size, pooledSize));
  return tf.reshape(pooled, [batch, channels * pooledSize ** 2]);
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
  builder.countMultiplyAdds(name, classes * inputs * outputs);
  return (x) => {
    const product = tf.matMul(x, kernel);
    return tf.add(product, tf.reshape(bias, [classes, 1, outputs]));
  };
}

type HeadSettings = Pick<ExplainerSettings, 'pooledSize' | 'hidden'> & {
  /** How a class's logit comes from its head's outputs. */
  readonly of?: Heads;
};

/**
 * One head per class, all computed at once: two hidden layers with dropout, and one output, the class's
 * logit, or two of which it is the larger (`nce` of the public code, where either may win) or the
 * difference. Gives [classes, B, inputs] → [B, classes].
 */
export function classHeads(
  builder: Builder,
  channels: number,
  { pooledSize, hidden, of = 'single' }: HeadSettings,
): (x: tf.Tensor3D, context: Context) => tf.Tensor2D {
  const { classes } = builder.options;
  const first = batchedLinear(builder, 'heads/linear1', channels * pooledSize ** 2, hidden);
  const second = batchedLinear(builder, 'heads/linear2', hidden, hidden);
  const last = batchedLinear(builder, 'heads/linear3', hidden, of === 'single' ? 1 : 2);

  return (x, { mode, dropoutSeed }) => {
    const drop = (hidden: tf.Tensor3D, salt: number): tf.Tensor3D =>
      mode === 'train' && dropoutSeed !== undefined
        ? dropout(hidden, DROPOUT_RATE, dropoutSeed, salt)
        : hidden;
    const hidden1 = drop(tf.relu(first(x)), 1);
    const hidden2 = drop(tf.relu(second(hidden1)), 2);
    return tf.transpose(tf.reshape<tf.Rank.R2>(LOGITS[of](last(hidden2)), [classes, -1]));
  };
}

/** [classes, B, outputs] → [classes, B] or the same with a last axis of one. */
const LOGITS: Readonly<Record<Heads, (outputs: tf.Tensor3D) => tf.Tensor>> = {
  single: (outputs) => outputs,
  larger: (outputs) => tf.max(outputs, 2),
  difference: (outputs) => {
    const [against, inFavour] = tf.unstack(outputs, 2) as [tf.Tensor2D, tf.Tensor2D];
    return tf.sub(inFavour, against);
  },
};

/**
 * One head per class, all computed at once: a linear layer with two outputs, for the class and against
 * it. The class's logit is their difference, the log-odds of the two: by it the surest head wins.
 */
export function binaryHeads(builder: Builder, channels: number): (x: tf.Tensor3D) => tf.Tensor2D {
  const { classes } = builder.options;
  const outputs = batchedLinear(builder, 'heads/linear', channels, 2);
  return (x) => {
    return tf.transpose(tf.reshape<tf.Rank.R2>(LOGITS.difference(outputs(x)), [classes, -1]));
  };
}
