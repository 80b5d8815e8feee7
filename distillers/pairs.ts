/** Maps of two networks, stage by stage. */
import type { tf as tensorflow } from '../learning/engine/backend.ts';
import type { MapShape } from '../study/models/family.ts';
import type { Pair, Tf } from './contract.ts';
import { missingMaps, stageMaps } from './maps.ts';

/** f1 of one network with f1 of the other and so on, as far as both go. */
export function stagePairs<Map>(
  student: readonly Map[],
  teacher: readonly Map[],
): (readonly [student: Map, teacher: Map])[] {
  const others = stageMaps(teacher);
  return stageMaps(student)
    .slice(0, others.length)
    .map((map, index) => [map, others[index] as Map] as const);
}

/** Both maps at the size of the smaller one: the larger is averaged over squares. */
export function atOneSize(
  tf: Tf,
  [student, teacher]: readonly [student: tensorflow.Tensor4D, teacher: tensorflow.Tensor4D],
): readonly [student: tensorflow.Tensor4D, teacher: tensorflow.Tensor4D] {
  const size = commonSize(student.shape[1], teacher.shape[1]);
  const shrunk = (map: tensorflow.Tensor4D): tensorflow.Tensor4D => averaged(tf, map, size);
  return [shrunk(student), shrunk(teacher)];
}

/** A square map averaged down to `size` pixels, a divisor of its own. */
export function averaged(tf: Tf, map: tensorflow.Tensor4D, size: number): tensorflow.Tensor4D {
  const ratio = map.shape[1] / size;
  return ratio === 1 ? map : tf.avgPool(map, ratio, ratio, 'valid');
}

/** Height and width that two maps are compared at. */
export function commonSize(student: number, teacher: number): number {
  return Math.min(student, teacher);
}

/** Why the stages of a pair cannot be compared; undefined where they can. */
export function incomparableStages(pair: Pair): string | undefined {
  const missing = missingMaps(pair);
  if (missing !== undefined) return missing;
  const isWhole = ([[a], [b]]: readonly [MapShape, MapShape]): boolean =>
    Number.isInteger(Math.max(a, b) / Math.min(a, b));
  const odd = stagePairs(pair.student.maps, pair.teacher.maps).find((maps) => !isWhole(maps));
  if (odd === undefined) return undefined;
  return `it compares maps of ${odd[0][0]} and ${odd[1][0]} pixels; allowed: whole ratios`;
}

/**
 * Whether a parameter of a network leads to its maps: behind them are the classifier, and the batch
 * norm or convolution that some networks have in front of it.
 */
export function leadsToMaps(parameter: string): boolean {
  return !/^(?:classifier|last|norm)\//.test(parameter);
}
