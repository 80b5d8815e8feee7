import { cluster, hierarchy } from 'd3-hierarchy';
import type { TreeNode } from '../../leg/records.ts';
import type { Branch } from './tree-order.ts';

/** A node at its place in pixels; its parent's place unless it is the root. */
export type PlacedNode = {
  readonly node: TreeNode;
  readonly x: number;
  readonly y: number;
  readonly parent?: { readonly x: number; readonly y: number };
  /** Classes below it, or itself. */
  readonly classes: readonly number[];
};

export type TreeLayout = {
  readonly width: number;
  readonly height: number;
  readonly leafPixels: number;
  readonly nodes: readonly PlacedNode[];
};

export type TreeSize = {
  /** Space between two classes of one expert. */
  readonly leafPixels: number;
  readonly levelPixels: number;
};

/** Classes of different experts stand further apart than those of one. */
const APART = 1.4;

/** Places a tree top-down; all classes stand on one line. */
export function layoutTree(branch: Branch, { leafPixels, levelPixels }: TreeSize): TreeLayout {
  const placed = cluster<Branch>()
    .nodeSize([leafPixels, levelPixels])
    .separation((a, b) => (a.parent === b.parent ? 1 : APART))(hierarchy(branch));
  const nodes = placed.descendants();
  const left = Math.min(...nodes.map(({ x }) => x)) - leafPixels / 2;
  const right = Math.max(...nodes.map(({ x }) => x)) + leafPixels / 2;
  // A cluster hangs from its leaves, at height 0; ours stand below the root.
  const top = Math.min(...nodes.map(({ y }) => y));
  return {
    leafPixels,
    width: right - left,
    height: Math.max(...nodes.map(({ y }) => y)) - top,
    nodes: nodes.map((point) => ({
      node: point.data.node,
      x: point.x - left,
      y: point.y - top,
      ...(point.parent === null
        ? {}
        : { parent: { x: point.parent.x - left, y: point.parent.y - top } }),
      classes: point.leaves().map(({ data }) => data.node.index),
    })),
  };
}
