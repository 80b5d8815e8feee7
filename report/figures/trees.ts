import type { Explanation } from '../../leg/records.ts';
import { intrinsicEntropy } from '../tables/arms.ts';
import { quantity, type Figure, type Prose } from '../page/content.ts';
import { fixed } from '../format.ts';
import { ARM_LABELS, explained, type Arm, type Told } from '../trials.ts';
import { treeDot } from './tree-dot.ts';
import { layoutTree } from './tree-layout.ts';
import { orderTrees } from './tree-order.ts';
import { treeSvg } from './tree-svg.ts';
import { standaloneSvg } from '../page/style-figures.ts';

/** One arm's tree as it is drawn. */
export type DrawnTree = {
  readonly arm: Arm;
  readonly told: Told;
  readonly svg: string;
};

/** Above this the trees are too wide to stand side by side. */
const MANY_CLASSES = 24;

/** The seed whose trees are drawn: the first that most arms have explained. */
export function drawnSeed(arms: readonly Arm[]): number | undefined {
  const counts = new Map<number, number>();
  for (const { seed } of arms.flatMap(explained)) counts.set(seed, (counts.get(seed) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** Draws the trees of one seed with a common order of classes. */
export function drawTrees(
  arms: readonly Arm[],
  seed: number,
  names: readonly string[],
): readonly DrawnTree[] {
  const told = arms.flatMap((arm) =>
    explained(arm)
      .filter((entry) => entry.seed === seed)
      .map((entry) => ({ arm, told: entry })),
  );
  const many = names.length > MANY_CLASSES;
  const size = { leafPixels: many ? 12 : 33, levelPixels: many ? 90 : 78 };
  const layouts = orderTrees(told.map((entry) => entry.told.explanation.tree)).map((branch) =>
    layoutTree(branch, size),
  );
  const span = Math.max(...layouts.map(({ width }) => width));
  return told.map(({ arm, told: entry }, i) => {
    const layout = layouts[i];
    if (layout === undefined) throw new RangeError(`tree ${i} of ${told.length} has no layout`);
    const { markup } = treeSvg({
      id: `tree-${arm.name}`,
      tone: arm.name,
      title: `Tree of ${ARM_LABELS[arm.name].toLowerCase()}, seed ${seed}`,
      layout,
      span,
      explanation: entry.explanation,
      names,
    });
    return { arm, told: entry, svg: markup };
  });
}

/** The picture: the trees side by side. */
export function treesFigure(drawn: readonly DrawnTree[], names: readonly string[]): Figure {
  const seed = drawn[0]?.told.seed;
  return {
    id: 'trees',
    width: 'wide',
    panelPixels: names.length > MANY_CLASSES ? 900 : 300,
    panels: drawn.map(({ arm, told, svg }) => ({
      title: ARM_LABELS[arm.name],
      tone: arm.name,
      subtitle: panelSubtitle(told),
      svg,
    })),
    caption: [
      `${drawn.length === 1 ? 'The explainer' : 'One explainer, trained with each kind of label'} (seed ${seed}). From the image down: experts, then classes with the accuracy of the hard tree in percent; beside a level, how many of its experts some class uses. An edge is as wide as the weight that its gate gives it at τ = 0.5; grey ways are what the soft gates read besides, so the greyer the ground, the less decided the gates. ${drawn.length === 1 ? '' : 'Classes stand in the same order in every tree as far as edges need not cross.'}`.trimEnd(),
    ],
  };
}

function panelSubtitle({ trial, explanation }: Told): Prose {
  return [
    'gate entropy ',
    quantity(fixed(intrinsicEntropy(explanation), 2), [trial], 'mean gate entropy at τ = 0.5'),
    ' · accuracy ',
    quantity(`${fixed(explanation.hard.top1, 1)} %`, [trial], 'test accuracy of the hard tree'),
  ];
}

export type TreeFile = {
  readonly name: string;
  readonly contentType: string;
  readonly text: string;
};

/** The trees as files of their own: SVG, DOT and JSON of every explained seed. */
export function treeFiles(arms: readonly Arm[], names: readonly string[]): readonly TreeFile[] {
  const seeds = [...new Set(arms.flatMap(explained).map(({ seed }) => seed))];
  return seeds.flatMap((seed) =>
    drawTrees(arms, seed, names).flatMap(({ arm, told, svg }) => {
      const base = `trees/${arm.name}-s${seed}`;
      return [
        { name: `${base}.svg`, contentType: 'image/svg+xml', text: standaloneSvg(svg) },
        { name: `${base}.dot`, contentType: 'text/vnd.graphviz', text: treeDot(told, arm, names) },
        { name: `${base}.json`, contentType: 'application/json', text: treeJson(told, names) },
      ];
    }),
  );
}

function treeJson({ seed, trial, explanation }: Told, names: readonly string[]): string {
  const { tree } = explanation;
  const record = {
    seed,
    key: trial.key,
    explanation: trial.result?.files['explanation']?.digest,
    nodes: tree.nodes.map((node) => ({ ...node, ...nameOf(node, names) })),
    edges: edgesOf(explanation),
    paths: tree.paths,
    live: tree.live,
  };
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

function nameOf(node: Explanation['tree']['nodes'][number], names: readonly string[]) {
  return node.kind === 'class' ? { name: names[node.index] ?? String(node.index) } : {};
}

function edgesOf({ tree }: Explanation) {
  return tree.nodes.flatMap(({ id, parent, weight }) =>
    parent === undefined ? [] : [{ from: parent, to: id, weight }],
  );
}
