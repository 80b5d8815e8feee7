import type { Tree } from '../../leg/records.ts';
import { treeDistance } from './tree.ts';

/** Ranks from 1, the mean rank on ties. */
export function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].toSorted(
    (a, b) => (values[a] as number) - (values[b] as number),
  );
  const result = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) {
      end += 1;
    }
    for (const position of order.slice(start, end)) result[position] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}

/** Spearman's rank correlation; undefined where one side does not vary. */
export function spearman(a: readonly number[], b: readonly number[]): number | undefined {
  const [x, y] = [centred(ranks(a)), centred(ranks(b))];
  const scale = Math.sqrt(dot(x, x) * dot(y, y));
  return scale === 0 ? undefined : dot(x, y) / scale;
}

function centred(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] as number), 0);
}

/** Cosine of the angle between two vectors; 0 where one is zero. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  const scale = Math.sqrt(dot(a, a) * dot(b, b));
  return scale === 0 ? 0 : dot(a, b) / scale;
}

/**
 * Whether classes that the teacher confuses are near in the tree: Spearman correlation, over pairs of
 * classes, of the distance in the tree with 1 − the cosine of the teacher's mean soft labels.
 *
 * @param softLabels one row per class
 */
export function teacherCorrelation(
  tree: Tree,
  softLabels: readonly (readonly number[])[],
): number | undefined {
  const distances: number[] = [];
  const differences: number[] = [];
  for (const [a, first] of softLabels.entries()) {
    for (const [offset, second] of softLabels.slice(a + 1).entries()) {
      distances.push(treeDistance(tree, a, a + 1 + offset));
      differences.push(1 - cosine(first, second));
    }
  }
  return spearman(distances, differences);
}
