import type { DatasetInfo } from '../../study/catalog.ts';
import { TINY_IMAGENET_NAME } from '../../study/dataset-manifest.ts';
import { IMAGENET, TINY_IMAGENET } from './images/presets.ts';

const CLASSES = 200;

/**
 * What a published dataset is that this build knows nothing else of, as far as a plan goes that has no
 * store to ask: sizes are those of the publisher, classes have no names yet.
 */
const UNSEEN: Readonly<Record<string, DatasetInfo>> = {
  [TINY_IMAGENET_NAME]: {
    ...{ classes: CLASSES, imageSize: 64, labelBytes: 1, trainImages: 100_000, testImages: 10_000 },
    classNames: Array.from({ length: CLASSES }, (_, label) => `class ${label}`),
    // Those that it has once it is added; of `correct` the numbers are computed then.
    presets: { correct: TINY_IMAGENET, paper: TINY_IMAGENET, imagenet: IMAGENET },
  },
};

/** What a dataset is going to be, by its name; undefined where nobody can know. */
export function unseenInfo(name: string): DatasetInfo | undefined {
  return Object.hasOwn(UNSEEN, name) ? UNSEEN[name] : undefined;
}
