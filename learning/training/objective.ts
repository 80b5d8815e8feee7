import { KdxError } from '../../leg/errors.ts';
import type { TrainSpec } from '../../study/spec.ts';
import type { Distiller, Knowledge, TermContext } from '../distillers/distiller.ts';
import { createDistiller } from '../distillers/registry.ts';
import { tf } from '../engine/backend.ts';
import { withoutGradient } from '../engine/gradients.ts';
import type { Network } from '../engine/network.ts';
import type { Feeds, LossTerms, TrainerOptions } from '../engine/trainer.ts';
import { passOf, type Gated } from '../networks.ts';

/** The loss of a training, in the form a trainer takes it. */
export type Objective = Required<Pick<TrainerOptions, 'targets' | 'loss'>> & {
  /** Names of the terms that `loss` gives beside `total` and `correct`. */
  readonly terms: readonly string[];
};

/** Name under which the entropy of VAM's attention stands among the terms. */
export const VAM_TERM = 'vam';

/** Name of the fed rows that a cached teacher says. */
export const TEACHER_LOGITS_FEED = 'teacherLogits';

/** The network that teaches, or that its logits are fed. */
type TeacherSource = Network | 'cached';

type Weighted = { readonly distiller: Distiller; readonly weight: number };

/**
 * L = Σ weight · term + γ · H̄: the loss terms of the spec and, with VAM, the entropy of its attention.
 * A teacher runs in evaluation mode, and only where a term needs it; a cached one does not run. `correct` counts the images of
 * the batch that are classified rightly.
 *
 * @throws KdxError SpecInvalid where a term occurs twice or needs of a teacher what is not there
 */
export function createObjective(
  spec: TrainSpec,
  student: Gated,
  teacher: TeacherSource | undefined,
): Objective {
  const weighted = spec.distillers.map((distiller) => ({
    distiller: createDistiller(distiller),
    weight: distiller.weight,
  }));
  const needs = new Set(weighted.map(({ distiller }) => distiller.needs));
  checkTerms(weighted, teacher);
  if (teacher === 'cached') checkCache(weighted);
  const taught = needs.has('logits') || needs.has('features') ? teacher : undefined;
  const { classes } = student.network.options;
  return {
    terms: [
      ...weighted.map(({ distiller }) => distiller.name),
      ...(spec.vam === undefined ? [] : [VAM_TERM]),
    ],
    targets: (feeds) => ({
      labels: tf.oneHot(tf.cast(feeds['labels'] as tf.Tensor1D, 'int32'), classes),
      ...(taught === undefined ? {} : teach(taught, feeds, needs.has('features'))),
    }),
    loss: (feeds, targets) => lossOf(weighted, student, feeds, targets),
  };
}

function checkTerms(weighted: readonly Weighted[], teacher: TeacherSource | undefined): void {
  const names = weighted.map(({ distiller }) => distiller.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new KdxError('SpecInvalid', `distillers: ${twice} occurs twice; allowed: once each.`);
  }
  const untaught = weighted.find(({ distiller }) => distiller.needs !== 'targets');
  if (untaught !== undefined && teacher === undefined) {
    const { name } = untaught.distiller;
    throw new KdxError(
      'SpecInvalid',
      `distillers: ${name} needs a teacher, but the spec has none.`,
    );
  }
}

function checkCache(weighted: readonly Weighted[]): void {
  const featured = weighted.find(({ distiller }) => distiller.needs === 'features');
  if (featured === undefined) return;
  const { name } = featured.distiller;
  throw new KdxError(
    'SpecInvalid',
    `teacher.logits is set, but the distiller ${name} needs features; allowed: a teacher without it.`,
  );
}

const TEACHER_LOGITS = 'teacher/logits';
const TEACHER_FEATURE = 'teacher/feature/';

function teach(teacher: TeacherSource, feeds: Feeds, withFeatures: boolean): Feeds {
  if (teacher === 'cached') return { [TEACHER_LOGITS]: feeds[TEACHER_LOGITS_FEED] as tf.Tensor2D };
  const { logits, features } = teacher.forward(feeds['images'] as tf.Tensor4D, {
    mode: 'evaluate',
  });
  const named = features.map((feature, index) => [`${TEACHER_FEATURE}${index}`, feature] as const);
  return { [TEACHER_LOGITS]: logits, ...(withFeatures ? Object.fromEntries(named) : {}) };
}

function teacherKnowledge(targets: Feeds): Knowledge | undefined {
  const logits = targets[TEACHER_LOGITS];
  if (logits === undefined) return undefined;
  const count = Object.keys(targets).filter((name) => name.startsWith(TEACHER_FEATURE)).length;
  const features = Array.from({ length: count }, (_, index) => {
    return targets[`${TEACHER_FEATURE}${index}`] as tf.Tensor;
  });
  return { logits: logits as tf.Tensor2D, features };
}

function lossOf(
  weighted: readonly Weighted[],
  student: Gated,
  feeds: Feeds,
  targets: Feeds,
): LossTerms {
  const forward = student.network.forward(feeds['images'] as tf.Tensor4D, {
    ...passOf(student, 'train', feeds),
    dropoutSeed: feeds['dropoutSeed'] as tf.Tensor1D,
  });
  const teacher = teacherKnowledge(targets);
  const labels = targets['labels'] as tf.Tensor2D;
  const context: TermContext = {
    labels,
    student: forward,
    ...(teacher === undefined ? {} : { teacher }),
  };
  const terms: Record<string, tf.Scalar> = {};
  const parts: tf.Scalar[] = [];
  for (const { distiller, weight } of weighted) {
    const term = distiller.loss(context);
    terms[distiller.name] = term;
    parts.push(tf.mul(term, weight));
  }
  if (forward.vamEntropy !== undefined) {
    terms[VAM_TERM] = forward.vamEntropy;
    parts.push(tf.mul(forward.vamEntropy, feeds['vamWeight'] as tf.Scalar));
  }
  const correct = withoutGradient(() => {
    const hits = tf.equal(tf.argMax(forward.logits, 1), tf.argMax(labels, 1));
    return tf.sum(tf.cast(hits, 'float32'));
  });
  return { ...terms, total: tf.addN<tf.Scalar>(parts), correct };
}
