import { KdxError } from '../../../leg/errors.ts';
import type { LabelledFile, Layout } from './layout.ts';
import type { Tree, TreeFile } from './tree.ts';

/**
 * Tiny-ImageNet's own folders: `wnids.txt`, `words.txt`, `train/<wnid>/images/`, `val/images/` with
 * `val/val_annotations.txt`. A class is the place of its wnid among all, sorted; the published test
 * images have no labels, so that those of `val/` are the test images.
 */
const ANNOTATIONS = 'val/val_annotations.txt';
const WNIDS = 'wnids.txt';
const WORDS = 'words.txt';

export function isTinyImagenet({ files }: Tree, root: string): boolean {
  const paths = new Set(files.map(({ path }) => path));
  return paths.has(`${root}${WNIDS}`) && paths.has(`${root}${ANNOTATIONS}`);
}

/** @throws KdxError `DataMismatch` naming the file, the line or the class, and what is allowed */
export async function layoutOfTinyImagenet(
  name: string,
  tree: Tree,
  root: string,
): Promise<Layout> {
  const refuse = (problem: string): never => {
    throw new KdxError('DataMismatch', `${name}: ${tree.origin}: ${root}${problem}`);
  };
  const files = new Map(tree.files.map((file) => [file.path.slice(root.length), file]));
  const linesOf = async (path: string): Promise<readonly string[]> => {
    const file = files.get(path);
    if (file === undefined) return [];
    const text = new TextDecoder().decode(await file.read());
    return text.split(/\r?\n/).filter((line) => line !== '');
  };
  const wnids = (await linesOf(WNIDS)).map((line) => line.trim()).toSorted();
  if (wnids.length < 2) refuse(`${WNIDS} has ${wnids.length} classes; allowed: at least 2`);
  const twice = wnids.find((wnid, i) => wnids[i - 1] === wnid);
  if (twice !== undefined) refuse(`${WNIDS} has ${twice} twice; allowed: each class once`);
  const labels = new Map(wnids.map((wnid, label) => [wnid, label]));
  const train = trainFiles(tree.files, root, labels, refuse);
  const test = testFiles(files, await linesOf(ANNOTATIONS), labels, refuse);
  const lonely = wnids.find((_, label) => !test.some((image) => image.label === label));
  if (lonely !== undefined) refuse(`${ANNOTATIONS} has no image of ${lonely}; allowed: each class`);
  return { classNames: namesOf(wnids, await linesOf(WORDS)), train, test, notes: [] };
}

type Labels = ReadonlyMap<string, number>;
type Refuse = (problem: string) => never;

function trainFiles(
  files: readonly TreeFile[],
  root: string,
  labels: Labels,
  refuse: Refuse,
): readonly LabelledFile[] {
  const byClass = [...labels.keys()].map((): LabelledFile[] => []);
  for (const file of files) {
    const found = /^train\/([^/]+)\/images\/[^/]+\.jpe?g$/i.exec(file.path.slice(root.length));
    if (found === null || !file.path.startsWith(root)) continue;
    const wnid = found[1] as string;
    const label =
      labels.get(wnid) ?? refuse(`train/${wnid} is a class that ${WNIDS} does not have`);
    byClass[label]?.push({ file, label });
  }
  const empty = byClass.findIndex(({ length }) => length === 0);
  if (empty >= 0) refuse(`train/${[...labels.keys()][empty]}/images has no .JPEG; allowed: some`);
  return byClass.flat();
}

function testFiles(
  files: ReadonlyMap<string, TreeFile>,
  lines: readonly string[],
  labels: Labels,
  refuse: Refuse,
): readonly LabelledFile[] {
  const images = lines.map((line, i): LabelledFile => {
    const place = `${ANNOTATIONS}, line ${i + 1}`;
    const [image = '', wnid = ''] = line.split('\t');
    const file = files.get(`val/images/${image}`);
    if (file === undefined) return refuse(`${place} names ${image}, which is not in val/images`);
    const label = labels.get(wnid);
    if (label === undefined)
      return refuse(`${place} has class ${wnid}; allowed: those of ${WNIDS}`);
    return { file, label };
  });
  const annotated = new Set(images.map(({ file }) => file.path));
  if (annotated.size < images.length) refuse(`${ANNOTATIONS} names an image twice`);
  for (const [path, file] of files) {
    if (!/^val\/images\/[^/]+\.jpe?g$/i.test(path) || annotated.has(file.path)) continue;
    refuse(`${path} has no line in ${ANNOTATIONS}`);
  }
  return images.toSorted((a, b) => a.label - b.label);
}

/** The first word of each class; with its wnid where two classes have the same one. */
function namesOf(wnids: readonly string[], lines: readonly string[]): readonly string[] {
  const words = new Map(
    lines.map((line): [string, string] => {
      const [wnid = '', text = ''] = line.split('\t');
      return [wnid, (text.split(',')[0] ?? '').trim()];
    }),
  );
  const names = wnids.map((wnid) => words.get(wnid) || wnid);
  return names.map((word, i) => {
    const isShared = names.some((other, j) => other === word && j !== i);
    return isShared && word !== wnids[i] ? `${word} (${wnids[i]})` : word;
  });
}
