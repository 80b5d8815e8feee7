import type { DistillerSpec } from './distillers.ts';
import type { Sizes } from './models/family.ts';
import type { InputChange } from './imported-teacher.ts';
import type { ModelName } from './models/models.ts';
import type { OnnxFacts } from './onnx-facts.ts';
import type { DeviceSpec, ModelSpec, VamSpec } from './schema.ts';
import type { Train } from './train-schema.ts';

/** What every leg names: together with the fields of its kind it is all that determines the result. */
type LegBase = {
  readonly device: DeviceSpec;
  readonly engine: 'eager' | 'recorded';
  readonly dataset: {
    readonly name: string;
    /** sha256 over the dataset's files, from the registry. */
    readonly digest: string;
    readonly preset: string;
    /** Of a dataset that is not registered: every build knows those of the others. */
    readonly sizes?: Sizes;
    readonly split: { readonly train: number; readonly validation: number; readonly test: number };
  };
  /** Digest of the source files that compute this leg (`study/code.ts`). */
  readonly code: string;
};

/** How a network answers that does so through modules of a method, in place of its own classifier. */
export type Answering = {
  readonly distiller: DistillerSpec;
  /** The model whose classifier it has. */
  readonly teacher: ModelName;
};

/** A trained network another leg needs, by the digest of its weights. */
export type Trained = {
  readonly model: ModelSpec;
  readonly vam?: VamSpec;
  readonly gates?: GateMode;
  readonly answering?: Answering;
  readonly weights: string;
  /** A network from elsewhere that was trained on pixels of another normalisation than the study's. */
  readonly inputs?: InputChange;
};

/** A classifier that ONNX Runtime runs: it gives logits and nothing else. */
export type OnnxNetwork = {
  readonly onnx: OnnxFacts;
  /** Digest of the file. */
  readonly weights: string;
  /** It was trained on pixels of another normalisation than the study's. */
  readonly inputs?: InputChange;
};

/** A network that teaches, or is only evaluated. */
export type Teaching = Trained | OnnxNetwork;

/** The teacher of a training. */
export type Teacher = Teaching & {
  /**
   * Digest of the index of its logits (`files.logits` of a teach leg). They are read instead of
   * running the network, which is named all the same: it is what the student descends from.
   */
  readonly logits?: string;
};

/** Gates of an explainer: a soft mixture, or the tree of its largest entries. */
export type GateMode = 'soft' | 'hard';

export type TrainSpec = LegBase & {
  readonly kind: 'train';
  readonly model: ModelSpec;
  readonly vam?: VamSpec;
  readonly gates?: GateMode;
  readonly distillers: readonly DistillerSpec[];
  /** Where one of them answers for the student: how. */
  readonly answering?: Answering;
  readonly train: Train;
  readonly seeds: { readonly init: number; readonly data: number };
  /**
   * Space of names for all that this training draws: weights, order, augmentation, dropout. A teacher's
   * is its id, so that it shares no draw with a student of the same seed; absent for all others.
   */
  readonly streams?: string;
  readonly teacher?: Teacher;
  /** Hard stage only: the soft stage whose gate logits β it takes. Its weights are drawn anew. */
  readonly parent?: Trained;
};

/**
 * A teacher's logits for every image to train on, as each epoch of one data stream moves it. Whatever
 * makes no difference to them is not here: batch, student, method, initial weights.
 */
export type TeachSpec = LegBase & {
  readonly kind: 'teach';
  readonly teacher: Teaching;
  readonly augment: Train['augment'];
  readonly epochs: number;
  readonly seeds: { readonly data: number };
};

/** Every evaluation number of one stored network on the test images. */
export type EvaluateSpec = LegBase & {
  readonly kind: 'evaluate';
  readonly network: Teaching;
  readonly teacher?: Teaching;
};

/** The evaluation of what a training leaves, before the digest of its weights is known. */
export type EvaluationToCome = {
  /** Id of its trial. */
  readonly trial: string;
  readonly spec: Omit<EvaluateSpec, 'network'>;
};

/** What the two stages of one arm tell: gates, entropies, tree, accuracy per class. */
export type ExplainSpec = LegBase & {
  readonly kind: 'explain';
  readonly soft: Trained;
  readonly hard: Trained;
  /** The losses of both stages: gradients of classes are compared under them. */
  readonly distillers: readonly DistillerSpec[];
  readonly teacher?: Teaching;
};

/** The work of one leg; its key is `digestJson(spec)`. */
export type LegSpec = TrainSpec | TeachSpec | EvaluateSpec | ExplainSpec;
