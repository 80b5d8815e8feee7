import type { Tree, TreeNode } from '../../leg/records.ts';
import { gateWeights, INTRINSIC_TEMPERATURE } from '../models/explainer/entropy.ts';
import { expertName, routeFromRows } from '../models/explainer/route.ts';

/** β of every gate, from the one into level 2 to the one into the classes: [gate][consumer][expert]. */
export type Gates = readonly (readonly (readonly number[])[])[];

/** A node's place: level 0 is the image, 1 … L the experts, L + 1 the classes. */
type Place = { readonly level: number; readonly index: number };

/**
 * The hard tree that the gates span: every consumer hangs from its strongest expert, the lowest on
 * ties. Experts without a class below them are left out. Nodes stand in depth-first order, siblings
 * by their smallest class.
 */
export function treeOf(gates: Gates): Tree {
  const parents = routeFromRows(gates);
  const paths = pathsOf(gates, parents);
  return { nodes: nodesOf(gates, paths), paths, live: liveOf(gates, paths) };
}

/** Weight of the edge from consumer `index` of level `level` to its parent. */
function edgeWeight(gates: Gates, { level, index }: Place, parent: number): number {
  const row = gates[level - 2]?.[index] as readonly number[];
  return gateWeights(row, INTRINSIC_TEMPERATURE)[parent] as number;
}

/** Experts on the way to every class, level 1 first, and the product of the edge weights. */
function pathsOf(gates: Gates, parents: readonly (readonly number[])[]): Tree['paths'] {
  const classes = gates.at(-1)?.length ?? 0;
  return Array.from({ length: classes }, (_, k) => {
    const experts: number[] = [];
    let confidence = 1;
    let index = k;
    for (let level = gates.length + 1; level >= 2; level -= 1) {
      const parent = parents[level - 2]?.[index] as number;
      confidence *= edgeWeight(gates, { level, index }, parent);
      experts.unshift(parent);
      index = parent;
    }
    return { class: k, experts, confidence };
  });
}

function liveOf(gates: Gates, paths: Tree['paths']): Tree['live'] {
  return gates.map((rows, position) => ({
    level: position + 1,
    live: new Set(paths.map(({ experts }) => experts[position])).size,
    experts: rows[0]?.length ?? 0,
  }));
}

function nameOf({ level, index }: Place, levels: number): string {
  if (level === 0) return 'image';
  return level > levels ? `class${index}` : expertName(level, index);
}

/** Depth first; the classes of a path are ascending, so that children come by their smallest class. */
function nodesOf(gates: Gates, paths: Tree['paths']): TreeNode[] {
  const levels = gates.length;
  const walk = (place: Place, parent: Place | undefined, below: Tree['paths']): TreeNode[] => {
    const node = describe(gates, place, parent);
    if (place.level > levels) return [node];
    const level = place.level + 1;
    const indexAt = (path: Tree['paths'][number]): number =>
      level > levels ? path.class : (path.experts[level - 1] as number);
    const children = Map.groupBy(below, indexAt);
    const subtrees = [...children].map(([index, members]) =>
      walk({ level, index }, place, members),
    );
    return [node, ...subtrees.flat()];
  };
  return walk({ level: 0, index: 0 }, undefined, paths);
}

function describe(gates: Gates, place: Place, parent: Place | undefined): TreeNode {
  const levels = gates.length;
  const { level, index } = place;
  const kind = level === 0 ? 'image' : level > levels ? 'class' : 'expert';
  const node = { id: nameOf(place, levels), kind, level, index } as const;
  if (parent === undefined) return node;
  const weight = level === 1 ? 1 : edgeWeight(gates, place, parent.index);
  return { ...node, parent: nameOf(parent, levels), weight };
}

/** Edges between two classes by way of their last common node. */
export function treeDistance(tree: Tree, a: number, b: number): number {
  if (a === b) return 0;
  const [pathA, pathB] = [tree.paths[a]?.experts ?? [], tree.paths[b]?.experts ?? []];
  const split = pathA.findIndex((expert, position) => expert !== pathB[position]);
  const shared = split === -1 ? pathA.length : split;
  return 2 * (pathA.length + 1 - shared);
}
