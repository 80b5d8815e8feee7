/**
 * Tensor names of RepDistiller (github.com/HobbitLong/RepDistiller), which mdistiller shares; of
 * ResNets those of torchvision too. Where names differ between them, the first is RepDistiller's.
 * Networks of torchvision by other names (`features.0` …) are other networks: they pool elsewhere.
 */
import type { AnyModel } from '../../study/models/models.ts';

/** Names that a layer may have there; undefined where the rule is of another layer. */
type Rule = readonly [layer: RegExp, names: (...parts: string[]) => readonly string[]];

const before = (number: string): number => Number(number) - 1;

function residualRules(
  classifier: readonly string[],
  shortcut: readonly string[],
): readonly Rule[] {
  const block = (stage: string, index: string): string => `layer${stage}.${before(index)}`;
  return [
    [/^stem$/, () => ['conv1']],
    [/^stem\/norm$/, () => ['bn1']],
    [/^stage(\d+)\/block(\d+)\/conv(\d)$/, (s, b, j) => [`${block(s, b)}.conv${j}`]],
    [/^stage(\d+)\/block(\d+)\/conv(\d)\/norm$/, (s, b, j) => [`${block(s, b)}.bn${j}`]],
    [
      /^stage(\d+)\/block(\d+)\/shortcut$/,
      (s, b) => shortcut.map((name) => `${block(s, b)}.${name}.0`),
    ],
    [
      /^stage(\d+)\/block(\d+)\/shortcut\/norm$/,
      (s, b) => shortcut.map((name) => `${block(s, b)}.${name}.1`),
    ],
    [/^classifier$/, () => classifier],
  ];
}

const wideBlock = (stage: string, index: string): string => `block${stage}.layer.${before(index)}`;
const unit = (stage: string, index: string): string => `layer${stage}.${before(index)}`;
const group = (index: string, block: string): string =>
  `blocks.${before(index)}.${before(block)}.conv`;
/** Places of the convolutions in the list of an inverted residual block; norms follow them. */
const INVERTED = { expand: 0, depthwise: 3, project: 6 } as const;
const inverted = (layer: string): number => INVERTED[layer as keyof typeof INVERTED];
/** A VGG lists convolution, norm and ReLU of a block one after another. */
const LISTED = 3;

const STEM_AND_LAST: readonly Rule[] = [
  [/^stem$/, () => ['conv1']],
  [/^stem\/norm$/, () => ['bn1']],
  [/^last$/, () => ['conv2']],
  [/^last\/norm$/, () => ['bn2']],
  [/^classifier$/, () => ['linear']],
];

const RULES: Readonly<Partial<Record<AnyModel['family'], readonly Rule[]>>> = {
  resnet: residualRules(['fc', 'linear'], ['downsample', 'shortcut']),
  'imagenet-resnet': residualRules(['linear', 'fc'], ['shortcut', 'downsample']),
  'wide-resnet': [
    [/^stem$/, () => ['conv1']],
    [/^stage(\d+)\/block(\d+)\/norm1$/, (s, b) => [`${wideBlock(s, b)}.bn1`]],
    [/^stage(\d+)\/block(\d+)\/conv1\/norm$/, (s, b) => [`${wideBlock(s, b)}.bn2`]],
    [/^stage(\d+)\/block(\d+)\/conv(\d)$/, (s, b, j) => [`${wideBlock(s, b)}.conv${j}`]],
    [/^stage(\d+)\/block(\d+)\/shortcut$/, (s, b) => [`${wideBlock(s, b)}.convShortcut`]],
    [/^norm$/, () => ['bn1']],
    [/^classifier$/, () => ['fc']],
  ],
  vgg: [
    [/^block(\d+)\/conv(\d+)$/, (b, j) => [`block${before(b)}.${LISTED * before(j)}`]],
    [/^block(\d+)\/conv(\d+)\/norm$/, (b, j) => [`block${before(b)}.${LISTED * before(j) + 1}`]],
    [/^classifier$/, () => ['classifier']],
  ],
  'mobilenet-v2': [
    [/^stem$/, () => ['conv1.0']],
    [/^stem\/norm$/, () => ['conv1.1']],
    [/^group(\d+)\/block(\d+)\/(\w+)$/, (g, b, l) => [`${group(g, b)}.${inverted(l)}`]],
    [/^group(\d+)\/block(\d+)\/(\w+)\/norm$/, (g, b, l) => [`${group(g, b)}.${inverted(l) + 1}`]],
    [/^last$/, () => ['conv2.0']],
    [/^last\/norm$/, () => ['conv2.1']],
    [/^classifier$/, () => ['classifier.0']],
  ],
  'shufflenet-v1': [
    ...STEM_AND_LAST,
    [/^stage(\d+)\/unit(\d+)\/conv(\d)$/, (s, u, j) => [`${unit(s, u)}.conv${j}`]],
    [/^stage(\d+)\/unit(\d+)\/conv(\d)\/norm$/, (s, u, j) => [`${unit(s, u)}.bn${j}`]],
  ],
  // A unit that halves the map numbers the convolutions of its side branch first.
  'shufflenet-v2': [
    ...STEM_AND_LAST,
    [/^stage(\d+)\/unit(\d+)(?:\/side)?\/conv(\d)$/, (s, u, j) => [`${unit(s, u)}.conv${j}`]],
    [/^stage(\d+)\/unit(\d+)(?:\/side)?\/conv(\d)\/norm$/, (s, u, j) => [`${unit(s, u)}.bn${j}`]],
    [
      /^stage(\d+)\/unit(\d+)\/main\/conv(\d)$/,
      (s, u, j) => [`${unit(s, u)}.conv${Number(j) + 2}`],
    ],
    [
      /^stage(\d+)\/unit(\d+)\/main\/conv(\d)\/norm$/,
      (s, u, j) => [`${unit(s, u)}.bn${Number(j) + 2}`],
    ],
  ],
};

/** Last part of a tensor's name here, and there. */
const KINDS: Readonly<Record<string, string>> = {
  kernel: 'weight',
  bias: 'bias',
  gamma: 'weight',
  beta: 'bias',
  mean: 'running_mean',
  variance: 'running_var',
};

/**
 * Names that a tensor of ours may have in a file of PyTorch, the one that is written first; none where
 * the family was not published there.
 */
export function publishedNames(family: AnyModel['family'], tensor: string): readonly string[] {
  const slash = tensor.lastIndexOf('/');
  const layer = tensor.slice(0, slash);
  const kind = KINDS[tensor.slice(slash + 1)];
  if (kind === undefined) return [];
  for (const [pattern, names] of RULES[family] ?? []) {
    const match = pattern.exec(layer);
    if (match !== null) return names(...match.slice(1)).map((name) => `${name}.${kind}`);
  }
  return [];
}
