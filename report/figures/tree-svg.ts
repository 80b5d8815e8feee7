import type { Explanation } from '../../leg/records.ts';
import { counted, fixed } from '../format.ts';
import { markup, trusted, type Markup } from '../page/html.ts';
import { classAccuracy } from '../tables/measures.ts';
import type { PlacedNode, TreeLayout } from './tree-layout.ts';

export type TreePicture = {
  readonly id: string;
  /** CSS class that gives the tree its colour. */
  readonly tone: string;
  readonly title: string;
  readonly layout: TreeLayout;
  /** Width of the widest tree beside it, so that all have one scale. */
  readonly span: number;
  readonly explanation: Explanation;
  readonly names: readonly string[];
};

/** Width of an edge that carries all of a gate's weight, in pixels. */
const FULL_EDGE = 9;
/** A weight below this is not drawn beside the tree's own edge. */
const FAINTEST = 0.04;
const TOP = 20;
const MARGIN = 6;
/** Room left of the tree for the count of used experts of each level. */
const COUNTS = 36;
const EXPERT_RADIUS = 6.5;
const LEAF_RADIUS = 11.5;
/** Names of at most this many characters are written into their leaves. */
const SHORT = 2;
/** Pixels a character of a label takes, about. */
const CHARACTER = 7;

/** Draws a tree: experts as nodes, classes as leaves, edges as wide as the gate's weight. */
export function treeSvg(picture: TreePicture): Markup {
  const { id, tone, title, layout, span, names, explanation } = picture;
  const labels = leafLabels(picture);
  const width = Math.ceil(COUNTS + span + 2 * MARGIN);
  const left = MARGIN + COUNTS + (span - layout.width) / 2;
  const height = Math.ceil(TOP + layout.height + labels.pixels);
  return markup`<svg
    xmlns="http://www.w3.org/2000/svg"
    viewBox="0 0 ${width} ${height}"
    class="tree ${tone}"
    role="img"
    aria-labelledby="${id}-title ${id}-desc"
    style="--natural:${width}px"
  >
    <title id="${id}-title">${title}</title>
    <desc id="${id}-desc">${describeTree(explanation, names)}</desc>
    <g transform="translate(${n(left)},${TOP})">
      ${ghostEdges(picture)} ${layout.nodes.map(edge)} ${layout.nodes.map(expertNode)}
      ${labels.drawn} ${levelCounts(picture)}
    </g>
  </svg>`;
}

/** Beside every level of experts, how many of them some class uses. */
function levelCounts({ layout, span, explanation }: TreePicture): readonly Markup[] {
  const x = -COUNTS - (span - layout.width) / 2;
  return explanation.tree.live.flatMap(({ level, live, experts }) => {
    const y = layout.nodes.find(({ node }) => node.level === level)?.y;
    return y === undefined
      ? []
      : [
          markup`<text class="count" x="${n(x)}" y="${n(y)}" dy="0.34em">${live} of ${experts}</text>`,
        ];
  });
}

const n = (value: number): string => String(Math.round(value * 10) / 10);

/** A smooth way down from a parent to its child. */
function way(from: { x: number; y: number }, to: { x: number; y: number }): string {
  const middle = (from.y + to.y) / 2;
  return `M${n(from.x)},${n(from.y)}C${n(from.x)},${n(middle)} ${n(to.x)},${n(middle)} ${n(to.x)},${n(to.y)}`;
}

const classList = (classes: readonly number[]): string => classes.map((c) => `k${c}`).join(' ');

function edge({ node, x, y, parent, classes }: PlacedNode): Markup | undefined {
  if (parent === undefined || node.weight === undefined) return undefined;
  const stroke = Math.max(0.75, FULL_EDGE * node.weight);
  const what = node.level === 1 ? 'reads the image' : `weight ${fixed(node.weight, 3)}`;
  return markup`<path class="edge ${classList(classes)}" d="${way(parent, { x, y })}" stroke-width="${n(stroke)}"><title>${nodeName(node)}: ${what}</title></path>`;
}

/** What the soft gates read beside the tree: how undecided they are is how grey the ground is. */
function ghostEdges({ layout, explanation }: TreePicture): readonly (Markup | undefined)[] {
  const at = new Map(
    layout.nodes.map((placed) => [`${placed.node.level}/${placed.node.index}`, placed]),
  );
  return explanation.gates.flatMap(({ level, intrinsic }) =>
    intrinsic.flatMap((row, consumer) =>
      row.map((weight, producer) => {
        const [from, to] = [at.get(`${level - 1}/${producer}`), at.get(`${level}/${consumer}`)];
        if (from === undefined || to === undefined || weight < FAINTEST) return undefined;
        if (to.parent?.x === from.x) return undefined;
        return markup`<path class="ghost" d="${way(from, to)}" stroke-width="${n(FULL_EDGE * weight)}"/>`;
      }),
    ),
  );
}

function nodeName({ kind, level, index }: PlacedNode['node']): string {
  if (kind === 'image') return 'image';
  return kind === 'class' ? `class ${index}` : `level ${level}, expert ${index + 1}`;
}

function expertNode({ node, x, y, classes }: PlacedNode): Markup | undefined {
  if (node.kind === 'class') return undefined;
  if (node.kind === 'image') {
    return markup`<g class="image">
      <rect x="${n(x - 22)}" y="${n(y - 11)}" width="44" height="18" rx="9"/>
      <text x="${n(x)}" y="${n(y + 2)}">image</text>
    </g>`;
  }
  return markup`<g class="expert ${classList(classes)}">
      <title>${nodeName(node)}: on the way of ${counted(classes.length, 'class', 'classes')}</title>
      <circle cx="${n(x)}" cy="${n(y)}" r="${EXPERT_RADIUS}"/>
    </g>`;
}

type Labels = { readonly drawn: readonly Markup[]; readonly pixels: number };

/** How a class's name is written: into its leaf, level under it, or upright. */
type Writing = 'inside' | 'level' | 'upright';

function writingOf({ names, layout }: TreePicture): { writing: Writing; longest: number } {
  const longest = Math.max(...names.map((name) => name.length));
  if (longest <= SHORT && layout.leafPixels > 2 * LEAF_RADIUS)
    return { writing: 'inside', longest };
  return { writing: longest * CHARACTER > layout.leafPixels ? 'upright' : 'level', longest };
}

/** Names and accuracies of the classes. */
function leafLabels(picture: TreePicture): Labels {
  const { layout, names, explanation } = picture;
  const { writing, longest } = writingOf(picture);
  const accuracy = new Map(
    explanation.hard.perClass.map((entry) => [entry.class, classAccuracy(entry)]),
  );
  const drawn = layout.nodes.flatMap(({ node, x, y }) => {
    if (node.kind !== 'class') return [];
    const name = names[node.index] ?? String(node.index);
    const value = accuracy.get(node.index);
    const told =
      value === undefined
        ? 'no test image'
        : `${fixed(value, 1)} % of its test images are classified correctly`;
    const score = value === undefined ? '' : fixed(value, value === 100 ? 0 : 1);
    return [
      markup`<g class="leaf k${node.index} ${writing}" data-class="${node.index}">
      <title>${name}: ${told}</title>
      ${hitArea(x, y, layout.leafPixels)}${leafMark(writing, x, y, name, score)}
    </g>`,
    ];
  });
  return { drawn, pixels: writing === 'upright' ? 24 + (longest + 6) * CHARACTER : 42 };
}

function leafMark(writing: Writing, x: number, y: number, name: string, score: string): Markup {
  const radius = writing === 'inside' ? LEAF_RADIUS : 4.5;
  const dot = markup`<circle cx="${n(x)}" cy="${n(y)}" r="${radius}" />`;
  switch (writing) {
    case 'inside':
      return markup`${dot}<text class="name" x="${n(x)}" y="${n(y)}" dy="0.36em">${name}</text><text class="score" x="${n(x)}" y="${n(y + 28)}">${score}</text>`;
    case 'level':
      return markup`${dot}<text class="name" x="${n(x)}" y="${n(y + 20)}">${name}</text><text class="score" x="${n(x)}" y="${n(y + 34)}">${score}</text>`;
    case 'upright':
      return markup`${dot}<text class="name" transform="translate(${n(x)},${n(y + 12)}) rotate(90)" dy="0.34em">${name}<tspan class="score" dx="5">${score}</tspan></text>`;
  }
}

/** A leaf is small; a finger is not. */
function hitArea(x: number, y: number, room: number): Markup {
  return trusted(
    `<rect class="hit" x="${n(x - room / 2)}" y="${n(y - 10)}" width="${n(room)}" height="50"/>`,
  );
}

/** The tree in words: which classes end at the same expert. */
export function describeTree({ tree }: Explanation, names: readonly string[]): string {
  const groups = Map.groupBy(tree.paths, ({ experts }) => experts.join('/'));
  const said = [...groups.values()].map((paths) =>
    paths.map((path) => names[path.class] ?? String(path.class)).join(', '),
  );
  const live = tree.live.map(
    ({ level, live: used, experts }) => `level ${level}: ${used} of ${experts}`,
  );
  return `Classes that end at the same expert: ${said.join('; ')}. Live experts: ${live.join(', ')}.`;
}
