import type { ConflictRate, Tree } from '../../leg/records.ts';
import type { Dataset } from '../data/load.ts';
import { classGradients, type ExpertGradients, type Subject } from './class-gradients.ts';

/**
 * How often classes that share an expert pull it apart: the share, by level, of such pairs whose
 * gradients of the expert's weights point in opposite halves of space. A class's gradient is that of
 * the arm's own loss of its training images. Which experts a class uses is what its path in the tree
 * says. A level where no two classes share an expert has no rate. A measure of ours for the paper's
 * claim of fewer conflicts.
 *
 * @param tick called after each batch, with its images; may throw to end the work
 */
export async function conflictRates(
  subject: Subject,
  tree: Tree,
  data: Dataset,
  tick: (images: number) => void,
): Promise<ConflictRate[]> {
  const byClass: ExpertGradients[] = [];
  for (const { class: k } of tree.paths) {
    byClass.push(await classGradients(subject, data, k, tick));
  }
  return subject.experts.flatMap((_, position) => {
    const products = sharedPairs(tree, position).map(([a, b, expert]) =>
      dot(
        byClass[a]?.[position]?.[expert] as Float32Array,
        byClass[b]?.[position]?.[expert] as Float32Array,
      ),
    );
    const opposed = products.filter((value) => value < 0).length;
    // Where no classes share an expert there is no rate: none is not a perfect one.
    if (products.length === 0) return [];
    return [{ level: position + 1, rate: opposed / products.length, pairs: products.length }];
  });
}

/** Pairs of classes with the same expert at a level, and that expert. */
function sharedPairs(tree: Tree, position: number): [number, number, number][] {
  return tree.paths.flatMap((path, a) =>
    tree.paths
      .slice(a + 1)
      .filter(({ experts }) => experts[position] === path.experts[position])
      .map((other): [number, number, number] => [
        path.class,
        other.class,
        path.experts[position] as number,
      ]),
  );
}

/** Its sign is that of the cosine. */
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
