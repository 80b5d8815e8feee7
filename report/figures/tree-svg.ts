import type { Explanation } from '../../leg/records.ts';
import { fixed } from '../format.ts';
import { markup, trusted, type Markup } from '../html.ts';
import type { PlacedNode, TreeLayout } from './tree-layout.ts';

export type TreePicture = {
  readonly id: string;
  /** CSS class that gives the tree its colour. */
  readonly tone: string;
  readonly title: string;
  readonly layout: TreeLayout;
  readonly explanation: Explanation;
  readonly names: readonly string[];
};

/** Width of an edge that carries all of a gate's weight, in pixels. */
const FULL_EDGE = 9;
/** A weight below this is not drawn beside the tree's own edge. */
const FAINTEST = 0.04;
const TOP = 20;
const MARGIN = 6;
const NODE_RADIUS = 9;
/** Pixels a character of a label takes, about. */
const CHARACTER = 6;

/** Draws a tree: experts as nodes, classes as leaves, edges as wide as the gate's weight. */
export function treeSvg(picture: TreePicture): Markup {
  const { id, tone, title, layout, names, explanation } = picture;
  const labels = leafLabels(picture);
  const width = Math.ceil(layout.width + 2 * MARGIN);
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
    <g transform="translate(${MARGIN},${TOP})">
      ${ghostEdges(picture)} ${layout.nodes.map(edge)} ${layout.nodes.map(expertNode)}
      ${labels.drawn}
    </g>
  </svg>`;
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
      <title>${nodeName(node)}: ${classes.length} of the classes</title>
      <circle cx="${n(x)}" cy="${n(y)}" r="${NODE_RADIUS}"/>
      <text x="${n(x)}" y="${n(y)}" dy="0.34em">${node.index + 1}</text>
    </g>`;
}

type Labels = { readonly drawn: readonly Markup[]; readonly pixels: number };

/** Names and accuracies of the classes: level where they fit, else upright. */
function leafLabels({ layout, names, explanation }: TreePicture): Labels {
  const leaves = layout.nodes.filter(({ node }) => node.kind === 'class');
  const room = leaves.length < 2 ? layout.width : layout.width / leaves.length;
  const longest = Math.max(...leaves.map(({ node }) => (names[node.index] ?? '').length));
  const upright = longest * CHARACTER > room + 4;
  const accuracy = new Map(
    explanation.hard.perClass.map((entry) => [entry.class, (100 * entry.correct) / entry.images]),
  );
  const drawn = leaves.map(({ node, x, y }) => {
    const name = names[node.index] ?? String(node.index);
    const value = accuracy.get(node.index) ?? Number.NaN;
    const score = fixed(value, value === 100 ? 0 : 1);
    const title = markup`<title>${name}: ${fixed(value, 1)} % of its test images are classified rightly</title>`;
    const dot = markup`<circle cx="${n(x)}" cy="${n(y)}" r="4.5" />`;
    const text = upright
      ? markup`<text class="name" transform="translate(${n(x)},${n(y + 12)}) rotate(90)" dy="0.34em">${name}<tspan class="score" dx="5">${score}</tspan></text>`
      : markup`<text class="name" x="${n(x)}" y="${n(y + 20)}">${name}</text><text class="score" x="${n(x)}" y="${n(y + 34)}">${score}</text>`;
    return markup`<g class="leaf k${node.index}${upright ? ' upright' : ''}" data-class="${node.index}">
      ${title}${hitArea(x, y, room)}${dot}${text}
    </g>`;
  });
  return { drawn, pixels: upright ? 24 + (longest + 6) * CHARACTER : 42 };
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
