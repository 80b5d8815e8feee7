/**
 * Published top-1 accuracies on the test images of CIFAR-100, in percent. Each row has the place that it
 * is from, and each place the protocol of its numbers: rows of two places do not compare with one another.
 */

/** How the numbers of one place were made. */
export type PublishedSource = {
  readonly name: string;
  /** Which epoch's accuracy they are. */
  readonly epoch: 'last' | 'best on test' | 'unknown';
  readonly epochs: number;
  readonly batch: number;
  /** Of most networks, and of MobileNet and the ShuffleNets. */
  readonly rate: number;
  readonly lightRate: number;
  readonly nesterov: boolean;
  /** What else tells them apart, in words of the table. */
  readonly also?: readonly string[];
};

const USUAL = {
  ...{ epochs: 240, batch: 64, rate: 0.05, lightRate: 0.01, nesterov: false },
} as const;
const LARGE = { ...USUAL, batch: 128, rate: 0.1, lightRate: 0.02, nesterov: true } as const;
const RECALLED = 'recalled, not checked';

export const SOURCES = {
  RepDistiller: { ...USUAL, name: 'RepDistiller', epoch: 'last' },
  mdistiller: { ...USUAL, name: 'mdistiller', epoch: 'best on test' },
  dkd: { ...USUAL, name: 'DKD’s paper', epoch: 'best on test', also: [RECALLED] },
  reviewkd: {
    ...{ ...LARGE, name: 'ReviewKD, by DKD’s paper', epoch: 'best on test' },
    also: [RECALLED, 'CIFAR-10’s normalisation'],
  },
  kdpp: { ...LARGE, name: 'KD++', epoch: 'best on test' },
  kdppReviewkd: {
    ...{ ...LARGE, name: 'ReviewKD, by KD++', epoch: 'best on test' },
    also: ['CIFAR-10’s normalisation'],
  },
  ttm: { ...USUAL, name: 'TTM', epoch: 'unknown' },
  lskd: { ...USUAL, name: 'LSKD', epoch: 'best on test' },
  lskdMlkd: {
    ...{ ...USUAL, name: 'LSKD', epoch: 'best on test', epochs: 480, rate: 0.025 },
    also: ['masks behind the sums'],
  },
  simkd: { ...USUAL, name: 'SimKD', epoch: 'unknown' },
} as const satisfies Readonly<Record<string, PublishedSource>>;

/** Teacher and student, with the accuracies of the teacher and of the student without one. */
export const PAIRS = [
  ['wrn_40_2', 'wrn_16_2', 75.61, 73.26],
  ['wrn_40_2', 'wrn_40_1', 75.61, 71.98],
  ['resnet56', 'resnet20', 72.34, 69.06],
  ['resnet110', 'resnet20', 74.31, 69.06],
  ['resnet110', 'resnet32', 74.31, 71.14],
  ['resnet32x4', 'resnet8x4', 79.42, 72.5],
  ['vgg13', 'vgg8', 74.64, 70.36],
  ['vgg13', 'mobilenetv2', 74.64, 64.6],
  ['resnet50', 'mobilenetv2', 79.34, 64.6],
  ['resnet50', 'vgg8', 79.34, 70.36],
  ['resnet32x4', 'shufflenetv1', 79.42, 70.5],
  ['resnet32x4', 'shufflenetv2', 79.42, 71.82],
  ['wrn_40_2', 'shufflenetv1', 75.61, 70.5],
] as const;

/** One method at one place, pair by pair in the order of `PAIRS`. */
export type PublishedMethod = {
  readonly method: string;
  readonly source: keyof typeof SOURCES;
  /** Its terms beside cross-entropy, and what else makes it this method. */
  readonly terms: readonly string[];
  readonly standardised?: boolean;
  readonly dot?: boolean;
  /** Published epochs in front of the training. */
  readonly before?: number;
  readonly top1: readonly (number | null)[];
};

const none = null;

// prettier-ignore
const METHODS: readonly PublishedMethod[] = [
  { method: 'KD', source: 'RepDistiller', terms: ['kd'], top1: [74.92, 73.54, 70.66, 70.67, 73.08, 73.33, 72.98, 67.37, 67.35, 73.81, 74.07, 74.45, 74.83] },
  { method: 'FitNet', source: 'RepDistiller', terms: ['fitnet'], top1: [73.58, 72.24, 69.21, 68.99, 71.06, 73.5, 71.02, 64.14, 63.16, 70.69, 73.59, 73.54, 73.73] },
  { method: 'AT', source: 'RepDistiller', terms: ['at'], top1: [74.08, 72.77, 70.55, 70.22, 72.31, 73.44, 71.43, 59.4, 58.58, 71.84, 71.73, 72.73, 73.32] },
  { method: 'SP', source: 'RepDistiller', terms: ['sp'], top1: [73.83, 72.43, 69.67, 70.04, 72.69, 72.94, 72.68, 66.3, 68.08, 73.34, 73.48, 74.56, 74.52] },
  { method: 'CC', source: 'RepDistiller', terms: ['cc'], top1: [73.56, 72.21, 69.63, 69.48, 71.48, 72.97, 70.71, 64.86, 65.43, 70.25, 71.14, 71.29, 71.38] },
  { method: 'VID', source: 'RepDistiller', terms: ['vid'], top1: [74.11, 73.3, 70.38, 70.16, 72.61, 73.09, 71.23, 65.56, 67.57, 70.3, 73.38, 73.4, 73.61] },
  { method: 'RKD', source: 'RepDistiller', terms: ['rkd'], top1: [73.35, 72.22, 69.61, 69.25, 71.82, 71.9, 71.48, 64.52, 64.43, 71.5, 72.28, 73.21, 72.21] },
  { method: 'PKT', source: 'RepDistiller', terms: ['pkt'], top1: [74.54, 73.45, 70.34, 70.25, 72.61, 73.64, 72.88, 67.13, 66.52, 73.01, 74.1, 74.69, 73.89] },
  { method: 'AB', source: 'RepDistiller', terms: ['ab'], before: 30, top1: [72.5, 72.38, 69.47, 69.53, 70.98, 73.17, 70.94, 66.06, 67.2, 70.65, 73.55, 74.31, 73.34] },
  { method: 'FT', source: 'RepDistiller', terms: ['ft'], before: 30, top1: [73.25, 71.59, 69.84, 70.22, 72.37, 72.86, 70.58, 61.78, 60.99, 70.29, 71.75, 72.5, 72.03] },
  { method: 'FSP', source: 'RepDistiller', terms: ['fsp'], before: 30, top1: [72.91, none, 69.95, 70.11, 71.89, 72.62, 70.23, none, none, none, none, none, none] },
  { method: 'NST', source: 'RepDistiller', terms: ['nst'], top1: [73.68, 72.24, 69.6, 69.53, 71.96, 73.3, 71.53, 58.16, 64.96, 71.28, 74.12, 74.68, 74.89] },
  { method: 'CRD', source: 'RepDistiller', terms: ['crd'], top1: [75.48, 74.14, 71.16, 71.46, 73.48, 75.51, 73.94, 69.73, 69.11, 74.3, 75.11, 75.65, 76.05] },
  { method: 'OFD', source: 'dkd', terms: ['ofd'], top1: [75.24, 74.33, 70.98, none, 73.23, 74.95, 73.95, 69.48, 69.04, none, 75.98, 76.82, 75.85] },
  { method: 'ReviewKD', source: 'reviewkd', terms: ['reviewkd'], top1: [76.12, none, none, none, 73.89, none, 74.84, 70.37, none, none, none, none, 77.14] },
  { method: 'ReviewKD', source: 'kdppReviewkd', terms: ['reviewkd'], top1: [none, 75.09, 71.89, none, none, 75.63, none, none, 69.89, none, 77.45, 77.78, none] },
  { method: 'DKD', source: 'mdistiller', terms: ['dkd'], top1: [76.24, 74.81, 71.97, none, 74.11, 76.32, 74.68, 69.71, 70.35, none, 76.45, 77.07, 76.7] },
  { method: 'DKD', source: 'lskd', terms: ['dkd'], top1: [none, none, none, 71.06, none, none, none, none, none, none, none, none, none] },
  { method: 'DIST', source: 'ttm', terms: ['dist'], top1: [75.51, 74.73, 71.75, 71.65, 73.69, 76.31, 73.89, 68.5, 68.66, 74.11, 76.34, 77.35, 76.4] },
  { method: 'CTKD', source: 'lskd', terms: ['ctkd'], top1: [75.45, 73.93, 71.19, 70.99, 73.52, 73.39, 73.52, 68.5, 68.67, none, none, 75.37, none] },
  { method: 'TTM', source: 'ttm', terms: ['ttm'], top1: [76.23, 74.32, 71.83, 71.46, 73.97, 76.17, 74.33, 68.98, 69.24, 74.87, 74.18, 76.57, 75.39] },
  { method: 'WTTM', source: 'ttm', terms: ['wttm'], top1: [76.37, 74.58, 71.92, 71.67, 74.13, 76.06, 74.44, 69.16, 69.59, 74.82, 74.37, 76.55, 75.42] },
  { method: 'KD+LSKD', source: 'lskd', terms: ['lskd'], top1: [76.11, 74.37, 71.43, 71.48, 74.17, 76.62, 74.36, 68.61, 69.02, none, none, 75.56, none] },
  { method: 'DKD+LSKD', source: 'lskd', terms: ['dkd'], standardised: true, top1: [76.39, 74.89, 72.32, 71.85, 74.29, 77.01, 74.81, 69.98, 70.45, none, none, 77.37, none] },
  { method: 'MLKD', source: 'lskdMlkd', terms: ['mlkd'], top1: [76.63, 75.35, 72.19, 71.89, 74.11, 77.08, 75.18, 70.57, 71.04, none, none, 78.44, none] },
  { method: 'KD++', source: 'kdpp', terms: ['kdpp'], top1: [none, 74.59, 72.53, none, none, 75.54, none, none, 70.1, none, 75.45, 76.42, none] },
  { method: 'SRRL', source: 'simkd', terms: ['kd', 'srrl'], top1: [none, none, none, none, none, 75.39, none, none, none, none, none, none, none] },
  { method: 'SimKD', source: 'simkd', terms: ['simkd'], top1: [none, none, none, none, none, 78.08, none, none, none, none, none, none, none] },
  { method: 'KD+DOT', source: 'mdistiller', terms: ['kd'], dot: true, top1: [none, none, none, none, none, 75.12, 73.77, none, none, none, none, 75.55, none] },
];

/** The student without a teacher is published with the pairs. */
const PLAIN: PublishedMethod = {
  ...{ method: 'CE', source: 'RepDistiller', terms: [] },
  top1: PAIRS.map(([, , , student]) => student),
};

export const PUBLISHED_METHODS: readonly PublishedMethod[] = [PLAIN, ...METHODS];
