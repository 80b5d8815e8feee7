import { KdxError } from '../../leg/errors.ts';
import { tf } from '../engine/backend.ts';
import { stagePairs, type Distiller } from './distiller.ts';
import { normaliseRows } from './rows.ts';

/** Averages the larger of two maps down to the size of the smaller. @throws KdxError SpecInvalid */
function sameSize(a: tf.Tensor4D, b: tf.Tensor4D): [tf.Tensor4D, tf.Tensor4D] {
  const shrink = (map: tf.Tensor4D, size: number): tf.Tensor4D => {
    const ratio = map.shape[1] / size;
    if (Number.isInteger(ratio)) return ratio === 1 ? map : tf.avgPool(map, ratio, ratio, 'valid');
    throw new KdxError(
      'SpecInvalid',
      `distillers: at compares maps of ${map.shape[1]} and ${size} pixels; allowed: whole ratios.`,
    );
  };
  const size = Math.min(a.shape[1], b.shape[1]);
  return [shrink(a, size), shrink(b, size)];
}

/** Q: the mean square over channels, flattened and normalised per image, [B, H·W]. */
function attentionMap(map: tf.Tensor4D): tf.Tensor2D {
  const power = tf.mean(tf.square(map), 3);
  return normaliseRows(tf.reshape<tf.Rank.R2>(power, [map.shape[0], -1]));
}

/**
 * Attention transfer (Zagoruyko & Komodakis, ICLR 2017, eq. 2; arXiv:1612.03928) in RepDistiller's
 * form: mean((Q_s − Q_t)²) over images and pixels, instead of the paper's norm, for one pair of maps.
 */
export function attentionTransfer(student: tf.Tensor4D, teacher: tf.Tensor4D): tf.Scalar {
  const [s, t] = sameSize(student, teacher);
  return tf.mean(tf.square(tf.sub(attentionMap(s), attentionMap(t))));
}

export function attentionTransferTerm(): Distiller {
  return {
    name: 'at',
    needs: 'features',
    loss: (context) =>
      tf.addN<tf.Scalar>(stagePairs('at', context).map(([s, t]) => attentionTransfer(s, t))),
  };
}
