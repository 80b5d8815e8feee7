import { rounded } from './summary.ts';

/** What a process holds at one moment. */
export type Sample = { readonly tensors: number; readonly rssBytes: number };

/** How far memory may be from where it was after the warm-up, as a share of it. */
export const TOLERANCE = 0.1;

export type MemoryResult = {
  readonly tensors: { readonly first: number; readonly last: number };
  readonly rssBytes: { readonly first: number; readonly last: number; readonly highest: number };
  /** last ÷ first − 1 */
  readonly rssGrowth: number | null;
  /** What is wrong, in words; empty where memory is constant. */
  readonly violations: readonly string[];
};

/** Judges samples in order of time, the first of them after the warm-up. */
export function checkMemory(samples: readonly Sample[]): MemoryResult {
  const first = samples[0] ?? { tensors: Number.NaN, rssBytes: Number.NaN };
  const last = samples.at(-1) ?? first;
  const growth = last.rssBytes / first.rssBytes - 1;
  const leak = samples.find(({ tensors }) => tensors !== first.tensors);
  const violations = [
    ...(leak === undefined ? [] : [`tensors went from ${first.tensors} to ${leak.tensors}`]),
    ...(Math.abs(growth) <= TOLERANCE ? [] : [`RSS changed by ${(growth * 100).toFixed(1)} %`]),
  ];
  return {
    tensors: { first: first.tensors, last: last.tensors },
    rssBytes: {
      first: first.rssBytes,
      last: last.rssBytes,
      highest: Math.max(...samples.map(({ rssBytes }) => rssBytes)),
    },
    rssGrowth: rounded(growth),
    violations,
  };
}

/** What a leg took. */
export type LegMemory = {
  readonly model: string;
  readonly images: number;
  readonly peakRssBytes: number;
};

/** Most that a leg of resnet8 on the 50,000 images of CIFAR may take (`docs/decisions/054`). */
export const MOST_LEG_BYTES = 900_000_000;

/** What is wrong with the memory of a leg, in words; empty where nothing is. */
export function checkLeg({ model, images, peakRssBytes }: LegMemory): string[] {
  if (peakRssBytes <= MOST_LEG_BYTES) return [];
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  const found = `a leg of ${model} on ${images} images took ${megabytes(peakRssBytes)}`;
  return [`${found}; allowed: ${megabytes(MOST_LEG_BYTES)}`];
}
