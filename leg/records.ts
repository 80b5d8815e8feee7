import type { TeachSpec } from '../study/spec.ts';
import type { BlobRef } from './result.ts';

/**
 * Scalars of a result by name (`Result.metrics`), each with what it is; accuracies in percent. Those
 * of an explanation that have one value per level end in `.level<n>`.
 */
export const METRICS = {
  top1: 'the headline: test accuracy, after the last epoch; of an explanation, that of its tree',
  parameters: 'trainable scalars of the network',
  'parameters.helpers': 'trainable scalars of modules that the loss trains beside it, and drops',
  multiplyAdds: 'multiply-adds of one forward pass of one image',
  'loss.last': 'mean training loss of the last epoch',
  'train.top1.last': 'training accuracy of the last epoch, augmented images',
  'test.top1.last': 'test accuracy after the last epoch',
  'test.top1.best': 'best test accuracy of any epoch (optimistic)',
  'test.top1.selected': 'test accuracy at the epoch of best validation accuracy',
  'test.nll.last': 'test negative log-likelihood after the last epoch, nats',
  'validation.top1.last': 'validation accuracy after the last epoch',
  'validation.nll.last': 'validation negative log-likelihood after the last epoch, nats',
  'test.top1': 'test accuracy of an evaluation',
  'test.top5': 'test images with the true class among the first five',
  'test.nll': 'test negative log-likelihood of an evaluation, nats',
  'test.ece': 'expected calibration error, 15 bins',
  'teacher.agreement': 'test images on which student and teacher predict alike',
  'teacher.kl': 'mean KL(teacher ‖ student) on the test images, nats',
  'soft.top1': 'test accuracy of the explainer with soft gates (stage 1)',
  'hard.top1': 'test accuracy of the tree trained anew (stage 2)',
  'entropy.intrinsic': 'mean normalised gate entropy at τ = 0.5 over all levels',
  'entropy.intrinsic.level': 'the same for the gates into one level',
  'entropy.asTrained.level': 'the same at the temperature of the last epoch',
  'live.level': 'experts of a level that some class uses',
  'soft.conflict.level':
    'share of class pairs sharing an expert whose gradients oppose, with soft gates',
  'hard.conflict.level': 'the same in the tree trained anew',
  'logits.bytes': "bytes of a teacher's logits, all epochs of a data stream",
  'logits.rows': 'images of all epochs that they are of',
  'teacher.correlation': "Spearman correlation of tree distance and the teacher's class distance",
} as const;

/** One line of a training run's epoch log (`files.epochs`, JSON lines). No times: it is byte-compared. */
export type EpochRecord = {
  readonly epoch: number;
  readonly learningRate: number;
  readonly gateLearningRate?: number;
  /** 1/t of the explainer's gates in this epoch (science §1.3). */
  readonly inverseGateTemperature?: number;
  /** Mean over the epoch's images of the total loss and of each unweighted term by distiller name. */
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly trainTop1: number;
  readonly validation?: { readonly top1: number; readonly nll: number };
  readonly test: { readonly top1: number; readonly nll: number };
  /** Mean normalised entropy of the gates into each level (level 2 first), at τ = 0.5 and as trained. */
  readonly gates?: readonly {
    readonly level: number;
    readonly intrinsic: number;
    readonly asTrained: number;
  }[];
  readonly vam?: { readonly temperature: number; readonly entropy: number };
};

/**
 * A teacher's logits for the images of a data stream (`files.logits` of a teach leg): what they are
 * of, and one blob an epoch. A blob holds a row per image to train on, in the order of the split, as
 * little-endian half-precision numbers without any header.
 */
export type LogitsIndex = {
  readonly schema: 1;
  readonly dtype: 'float16';
  /** Rows and columns of every blob: images, classes. */
  readonly shape: readonly [number, number];
  /** What a reader holds against its own spec, so that no row is ever taken for another image's. */
  readonly stream: LogitsStream;
  /** By epoch, the first one first. */
  readonly epochs: readonly BlobRef[];
};

/** Everything but the code that a teacher's logits for an epoch depend on. */
export type LogitsStream = Pick<TeachSpec, 'dataset' | 'teacher' | 'augment' | 'seeds'>;

/** Full evaluation of one stored network on the test images (`files.evaluation`). Percentages. */
export type Evaluation = {
  readonly images: number;
  readonly top1: number;
  readonly top5: number;
  readonly nll: number;
  /** Expected calibration error over 15 equal bins of confidence, percent. */
  readonly ece: number;
  readonly perClass: readonly {
    readonly class: number;
    readonly correct: number;
    readonly images: number;
  }[];
  /** confusion[true][predicted] in images. */
  readonly confusion: readonly (readonly number[])[];
  readonly teacher?: { readonly agreement: number; readonly kl: number };
  /** Of a hard tree, what is alive in it: no gates, and no expert that no class reads. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** A network with VAM as it is exported: attention and batch norms folded into plain convolutions. */
  readonly folded?: {
    readonly parameters: number;
    readonly maxLogitDifference: number;
    readonly sameTop1: boolean;
  };
};

/** One gate: `consumers` rows over `producers` columns. */
export type GateRecord = {
  /** Level of the consumers: 2 … L for experts, L + 1 for the classes. */
  readonly level: number;
  readonly consumers: number;
  readonly producers: number;
  /** Learned logits β, row by row; intrinsic = softmax(β/0.5); asTrained at the last epoch's t. */
  readonly logits: readonly (readonly number[])[];
  readonly intrinsic: readonly (readonly number[])[];
  readonly asTrained: readonly (readonly number[])[];
  readonly entropy: {
    readonly intrinsic: GateEntropy;
    readonly asTrained: GateEntropy;
  };
};

/** Normalised entropy over the rows of a gate, and their mean exp(H), the effective number of experts. */
export type GateEntropy = {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly effectiveExperts: number;
};

/** A node of the tree: the image (root), a live expert, or a class (leaf). */
export type TreeNode = {
  /** `image`, `class0`, or the name of the expert's tensors, `level1/expert1`: experts count from 1. */
  readonly id: string;
  readonly kind: 'image' | 'expert' | 'class';
  /** 0 root, 1 … L experts, L + 1 classes. */
  readonly level: number;
  /** Position of the expert within its level, or of the class, from 0. */
  readonly index: number;
  readonly parent?: string;
  /** Soft weight (intrinsic) of the edge to the parent; 1 under the root. */
  readonly weight?: number;
};

/** The hard tree of one arm (science §1.8). Siblings are ordered by their smallest class. */
export type Tree = {
  readonly nodes: readonly TreeNode[];
  /** Per class: the positions, from 0, of the experts on its way, level 1 first, and the product of the edge weights. */
  readonly paths: readonly {
    readonly class: number;
    readonly experts: readonly number[];
    readonly confidence: number;
  }[];
  readonly live: readonly {
    readonly level: number;
    readonly live: number;
    readonly experts: number;
  }[];
};

/** What one arm tells (`files.explanation`). */
export type Explanation = {
  readonly gates: readonly GateRecord[];
  readonly tree: Tree;
  /** The network with soft gates (stage 1) and the tree trained anew (stage 2). */
  readonly soft: Evaluation;
  readonly hard: Evaluation;
  /** Spearman correlation of tree distance between classes with 1 − similarity of the teacher's soft labels. */
  readonly teacherCorrelation?: number;
  /**
   * By stage, each at its last epoch under the loss that it was trained with. Absent where that loss reads
   * a teacher that is not at hand.
   */
  readonly conflict?: {
    readonly soft: readonly ConflictRate[];
    readonly hard: readonly ConflictRate[];
  };
};

/** One level of the explainer that has classes sharing an expert (science §1.8). */
export type ConflictRate = {
  readonly level: number;
  /** Share of the pairs of such classes whose gradients of the expert's weights oppose. */
  readonly rate: number;
  readonly pairs: number;
};
