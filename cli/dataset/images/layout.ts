import { KdxError } from '../../../leg/errors.ts';
import type { Tree, TreeFile } from './tree.ts';

/** An image and its class. */
export type LabelledFile = { readonly file: TreeFile; readonly label: number };

/** What the files of a dataset are, before one of them is decoded. */
export type Layout = {
  readonly classNames: readonly string[];
  /** By class, then by path. */
  readonly train: readonly LabelledFile[];
  /** Empty where there is no folder of test images. */
  readonly test: readonly LabelledFile[];
  /** What was passed over, for the user. */
  readonly notes: readonly string[];
};

/** What a file of a dataset may be called; what it is, its content says. */
const IMAGES = /\.(png|jpe?g|webp|bmp)$/i;
/** What systems leave in folders. */
const LITTER = /(^|\/)(\.[^/]*|__MACOSX|Thumbs\.db|desktop\.ini)(\/|$)/i;

const SIDES = ['train', 'test', 'val'] as const;
type Side = (typeof SIDES)[number];

/** The folder that holds `train/`, as a prefix of paths; it may lie below the top. */
export function rootOf(name: string, { origin, files }: Tree): string {
  const prefixes = files.flatMap(({ path }) => {
    const found = /^((?:[^/]+\/)*?)train\//.exec(path);
    return found === null || LITTER.test(path) ? [] : [found[1] ?? ''];
  });
  const depth = (prefix: string): number => prefix.split('/').length;
  const least = Math.min(...prefixes.map(depth));
  const [root, ...others] = new Set(prefixes.filter((prefix) => depth(prefix) === least));
  if (root !== undefined && others.length === 0) return root;
  const wanted = 'train/<class>/*.png and test/<class>/*.png (or val/; png, jpg, webp, bmp)';
  const found = root === undefined ? 'no folder train' : `several: ${[root, ...others].join(', ')}`;
  throw new KdxError('DataMismatch', `${name}: ${origin} has ${found}; wanted ${wanted}`);
}

/**
 * A folder as torchvision's ImageFolder reads it: `train/<class>/` and `test/<class>/` or
 * `val/<class>/`, classes by their names, images at any depth below.
 *
 * @throws KdxError `DataMismatch` naming the folder, what is there and what is allowed
 */
export function layoutOfFolder(name: string, tree: Tree, root: string): Layout {
  const sides = sidesOf(name, tree, root);
  const chosen = chooseTest(sides);
  const train = sides.train;
  const test = chosen === undefined ? new Map<string, TreeFile[]>() : sides[chosen].classes;
  const classNames = [...train.classes.keys()].toSorted();
  const place = (side: string): string => `${name}: ${tree.origin}: ${root}${side}`;
  refuseLoose(place('train'), train);
  if (chosen !== undefined) refuseLoose(place(chosen), sides[chosen]);
  if (classNames.length < 2) {
    const found = classNames.length === 0 ? 'no class' : `only the class ${classNames.join()}`;
    throw new KdxError('DataMismatch', `${place('train')} has ${found}; allowed: at least 2`);
  }
  if (chosen !== undefined) {
    refuseOneSided(place(''), ['train', train.classes], [chosen, test]);
  }
  return {
    classNames,
    train: labelled(classNames, train.classes),
    test: labelled(classNames, test),
    notes: [...notesOf(sides, chosen)],
  };
}

type SideFiles = {
  readonly classes: Map<string, TreeFile[]>;
  /** Images that lie in no class. */
  readonly loose: string[];
};
type Sides = Readonly<Record<Side, SideFiles>> & { readonly others: string[] };

function sidesOf(name: string, { files }: Tree, root: string): Sides {
  const side = (): SideFiles => ({ classes: new Map(), loose: [] });
  const sides: Sides = { train: side(), test: side(), val: side(), others: [] };
  for (const file of files) {
    if (LITTER.test(file.path)) continue;
    const [top, label, ...rest] = file.path.slice(root.length).split('/');
    const known = SIDES.find((candidate) => candidate === top);
    if (!file.path.startsWith(root) || known === undefined || !IMAGES.test(file.path)) {
      sides.others.push(file.path);
    } else if (rest.length === 0 || label === undefined) {
      sides[known].loose.push(file.path);
    } else {
      const { classes } = sides[known];
      const members = classes.get(label);
      if (members === undefined) classes.set(label, [file]);
      else members.push(file);
    }
  }
  return sides;
}

/** Test images are those of `test/`, unless only `val/` has classes. */
function chooseTest({ test, val }: Sides): 'test' | 'val' | undefined {
  if (test.classes.size > 0) return 'test';
  if (val.classes.size > 0) return 'val';
  if (test.loose.length > 0) return 'test';
  return val.loose.length > 0 ? 'val' : undefined;
}

function refuseLoose(place: string, { loose }: SideFiles): void {
  if (loose.length === 0) return;
  const problem = `${loose.length} images that lie in no class, the first is ${loose[0]}`;
  throw new KdxError('DataMismatch', `${place} has ${problem}; allowed: a folder for each class`);
}

type NamedSide = readonly [side: string, classes: ReadonlyMap<string, unknown>];

function refuseOneSided(place: string, ...[a, b]: readonly [NamedSide, NamedSide]): void {
  for (const [[here, classes], [there, others]] of [
    [a, b],
    [b, a],
  ] as const) {
    const lonely = [...classes.keys()].filter((label) => !others.has(label)).toSorted();
    if (lonely.length === 0) continue;
    const named = lonely.slice(0, 5).join(', ') + (lonely.length > 5 ? ', …' : '');
    const problem = `${lonely.length} classes in ${here}/ alone (${named})`;
    const allowed = `each class in ${here}/ and in ${there}/`;
    throw new KdxError('DataMismatch', `${place} has ${problem}; allowed: ${allowed}`);
  }
}

function labelled(
  classNames: readonly string[],
  classes: ReadonlyMap<string, readonly TreeFile[]>,
): readonly LabelledFile[] {
  return classNames.flatMap((className, label) =>
    (classes.get(className) ?? []).map((file) => ({ file, label })),
  );
}

function* notesOf({ others, test, val }: Sides, chosen: 'test' | 'val' | undefined) {
  if (others.length > 0) {
    yield `${others.length} other files were left out, the first is ${others[0]}`;
  }
  const countOf = ({ classes, loose }: SideFiles): number =>
    [...classes.values()].reduce((sum, { length }) => sum + length, loose.length);
  const left = chosen === 'test' ? (['val', val] as const) : (['test', test] as const);
  const images = chosen === undefined ? 0 : countOf(left[1]);
  if (images > 0) {
    yield `${images} images of ${left[0]}/ were left out: ${chosen}/ has the test images, and a study's dataset.split.validation holds images of train/ out`;
  }
}
