import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import type { MapShape } from '../study/models/family.ts';
import { defineDistiller, taught, type Pair, type Tf } from './contract.ts';
import { missingMaps } from './maps.ts';
import { atOneSize, stagePairs } from './pairs.ts';
import { normaliseRows } from './rows.ts';

/** Q: the mean square over channels, flattened and normalised per image, [B, H·W]. */
function attentionMap(tf: Tf, map: tensorflow.Tensor4D): tensorflow.Tensor2D {
  const power = tf.mean(tf.square(map), 3);
  return normaliseRows(tf, tf.reshape<tensorflow.Rank.R2>(power, [map.shape[0], -1]));
}

/** mean((Q_s − Q_t)²) over images and pixels; the larger map is averaged down first. */
export function attentionTransfer(
  tf: Tf,
  student: tensorflow.Tensor4D,
  teacher: tensorflow.Tensor4D,
): tensorflow.Scalar {
  const [s, t] = atOneSize(tf, [student, teacher]).map((map) => attentionMap(tf, map)) as [
    tensorflow.Tensor2D,
    tensorflow.Tensor2D,
  ];
  return tf.mean(tf.square(tf.sub(s, t)));
}

function refusal(pair: Pair): string | undefined {
  const missing = missingMaps(pair);
  if (missing !== undefined) return missing;
  const isWhole = ([[a], [b]]: readonly [MapShape, MapShape]): boolean =>
    Number.isInteger(Math.max(a, b) / Math.min(a, b));
  const odd = stagePairs(pair.student.maps, pair.teacher.maps).find((maps) => !isWhole(maps));
  if (odd === undefined) return undefined;
  return `it compares maps of ${odd[0][0]} and ${odd[1][0]} pixels; allowed: whole ratios`;
}

/**
 * Attention transfer (Zagoruyko & Komodakis, ICLR 2017, eq. 2) in RepDistiller's form: the mean of
 * the squared differences instead of the norm, summed over the stages.
 */
export const at = defineDistiller({
  name: 'at',
  paper: 'arXiv:1612.03928',
  weight: 1000,
  options: z.strictObject({}),
  reads: { teacher: 'features' },
  refuses: refusal,
  build: ({ tf }) => ({
    loss: (step) =>
      tf.addN<tensorflow.Scalar>(
        stagePairs(step.student.maps, taught(step).maps).map(([s, t]) =>
          attentionTransfer(tf, s, t),
        ),
      ),
  }),
});
