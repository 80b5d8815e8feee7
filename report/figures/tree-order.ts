import type { Tree, TreeNode } from '../../leg/records.ts';

/** A node with its children in drawing order. */
export type Branch = { readonly node: TreeNode; readonly children: readonly Branch[] };

/** Rounds after which an order that still changes is taken as it is. */
const ROUNDS = 24;

/**
 * Orders the siblings of several trees over the same classes so that a class stands at about the
 * same place in each. Every tree is drawn without crossings, so its leaves can only be turned about
 * its nodes; the orders kept are those that disagree in the fewest pairs of classes. One tree alone
 * has its siblings by smallest class.
 */
export function orderTrees(trees: readonly Tree[]): readonly Branch[] {
  const plain = trees.map((tree) => arrange(tree, (index) => index));
  let best = { branches: plain, crossings: crossingsAmong(plain) };
  for (const start of plain) {
    let ranks = ranksOf([start]);
    for (let round = 0; round < ROUNDS && best.crossings > 0; round += 1) {
      const branches = trees.map((tree) => arrange(tree, (index) => ranks.get(index) ?? index));
      const crossings = crossingsAmong(branches);
      if (crossings < best.crossings) best = { branches, crossings };
      ranks = ranksOf(branches);
    }
  }
  return best.branches;
}

/** Classes of a branch from first to last. */
export function leafOrder(branch: Branch): readonly number[] {
  if (branch.node.kind === 'class') return [branch.node.index];
  return branch.children.flatMap(leafOrder);
}

/** Pairs of classes that stand in another order in another tree, over all pairs of trees. */
export function crossingsAmong(branches: readonly Branch[]): number {
  const orders = branches.map(leafOrder);
  let crossings = 0;
  orders.forEach((order, i) => {
    for (const other of orders.slice(i + 1)) {
      const place = new Map(other.map((index, at) => [index, at]));
      order.forEach((a, at) => {
        for (const b of order.slice(at + 1)) {
          if ((place.get(a) ?? 0) > (place.get(b) ?? 0)) crossings += 1;
        }
      });
    }
  });
  return crossings;
}

/** Builds the nested tree with siblings by the mean rank of their classes, then by smallest class. */
function arrange(tree: Tree, rank: (index: number) => number): Branch {
  const children = Map.groupBy(tree.nodes, ({ parent }) => parent);
  const build = (node: TreeNode): Branch => {
    const branches = (children.get(node.id) ?? []).map(build).map((branch) => {
      const leaves = leafOrder(branch);
      const centre = leaves.reduce((sum, index) => sum + rank(index), 0) / leaves.length;
      return { branch, centre, smallest: Math.min(...leaves) };
    });
    branches.sort((a, b) => a.centre - b.centre || a.smallest - b.smallest);
    return { node, children: branches.map(({ branch }) => branch) };
  };
  const root = tree.nodes.find(({ kind }) => kind === 'image');
  if (root === undefined) throw new TypeError('tree: no root among its nodes');
  return build(root);
}

/** Mean place of every class over the trees. */
function ranksOf(branches: readonly Branch[]): ReadonlyMap<number, number> {
  const sums = new Map<number, number>();
  for (const branch of branches) {
    leafOrder(branch).forEach((index, at) => sums.set(index, (sums.get(index) ?? 0) + at));
  }
  return sums;
}
