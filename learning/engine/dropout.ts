import { tf } from './backend.ts';
import { withoutGradient } from './gradients.ts';
import { dataType, operation } from './operation.ts';

/**
 * Inverted dropout. The mask is drawn on the device by a counter-based generator from the step's
 * seed and the layer's `salt`, so that it is the same in every engine and after a resume.
 *
 * @param seed int32 [2], new in every step
 */
export function dropout<T extends tf.Tensor>(
  x: T,
  rate: number,
  seed: tf.Tensor1D,
  salt: number,
): T {
  const mask = withoutGradient(() => {
    const layerSeed = tf.add(seed, tf.tensor1d([0, salt], 'int32'));
    const uniform = operation(
      'StatelessRandomUniform',
      [dataType('T', 'int32'), dataType('Tseed', 'int32'), dataType('dtype', 'float32')],
      [tf.tensor1d(x.shape, 'int32'), layerSeed],
    );
    const kept = tf.cast(tf.greaterEqual(uniform, rate), 'float32');
    return tf.div(kept, 1 - rate);
  });
  return tf.mul(x, mask);
}
