import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Memory, type Pair, type Site, type Tf } from './contract.ts';
import { createDrawing } from './negatives.ts';
import { normaliseRows } from './rows.ts';

/** Keeps logarithms finite. */
const EPSILON = 1e-7;

type Matrix = tensorflow.Tensor2D;
type Scalar = tensorflow.Scalar;

/**
 * exp(v·w/T) of every embedding with the chosen rows of a bank, [B, 1 + K]. All products of
 * embeddings and bank are taken, and those wanted are picked: the rows themselves, [B, 1 + K, D],
 * would take forty times the memory.
 *
 * @param chosen int32 [B, 1 + K]
 */
function scores(
  tf: Tf,
  embedded: Matrix,
  bank: Matrix,
  chosen: Matrix,
  temperature: number,
): Matrix {
  const [batch] = embedded.shape;
  const products = tf.reshape<tensorflow.Rank.R1>(tf.matMul(embedded, bank, false, true), [-1]);
  const first = tf.reshape(tf.range(0, batch * bank.shape[0], bank.shape[0], 'int32'), [batch, 1]);
  const picked = tf.gather(products, tf.add(first, chosen));
  return tf.exp(tf.div<Matrix>(picked, temperature));
}

/**
 * −[Σ ln(x⁺/(x⁺ + K/N + ε)) + Σ ln((K/N)/(x⁻ + K/N + ε))] / B for scores [B, 1 + K], the positive
 * one first (eq. 17–18).
 */
export function contrast(tf: Tf, x: Matrix, images: number): Scalar {
  const [batch, columns] = x.shape;
  const noise = (columns - 1) / images;
  const positive = tf.slice(x, [0, 0], [batch, 1]);
  const negative = tf.slice(x, [0, 1], [batch, columns - 1]);
  const kept = tf.log(tf.div(positive, tf.add(positive, noise + EPSILON)));
  const rejected = tf.log(tf.div(noise, tf.add(negative, noise + EPSILON)));
  return tf.div(tf.add(tf.sum<Scalar>(kept), tf.sum<Scalar>(rejected)), -batch);
}

/** One network's side: its bank of embeddings, and the normaliser Z of scores against that bank. */
export type Side = {
  readonly bank: Memory<Matrix>;
  /** Zero until the first batch has set it. */
  readonly normaliser: Memory<Scalar>;
};

/** What a batch brings to a side. */
export type Anchors = {
  readonly embedded: Matrix;
  /** int32 [B, 1 + K]: rows of the bank, the image's own first. */
  readonly chosen: Matrix;
};

export type Settings = { readonly temperature: number; readonly images: number };

/** The loss of one network's embeddings against the bank of the other. */
export function anchoredLoss(
  { tf, withoutGradient }: Pick<Site, 'tf' | 'withoutGradient'>,
  { embedded, chosen }: Anchors,
  other: Side,
  { temperature, images }: Settings,
): Scalar {
  const raw = scores(tf, embedded, other.bank.value(), chosen, temperature);
  // `where` instead of a branch: the recorded step is the same for the first batch and the others.
  const normaliser = withoutGradient(() => {
    const stored = other.normaliser.value();
    const own = tf.mul<Scalar>(tf.mean(raw), images);
    return tf.where<Scalar>(tf.greater(stored, 0), stored, own);
  });
  other.normaliser.replace(normaliser);
  return contrast(tf, tf.div<Matrix>(raw, normaliser), images);
}

/** Moves the batch's rows of a bank towards its embeddings, and normalises them again. */
export function remember(
  { tf, withoutGradient }: Pick<Site, 'tf' | 'withoutGradient'>,
  { bank }: Side,
  embedded: Matrix,
  rows: tensorflow.Tensor1D,
  momentum: number,
): void {
  withoutGradient(() => {
    const stored = bank.value();
    const old = tf.gather(stored, rows);
    const moved = tf.add<Matrix>(tf.mul(old, momentum), tf.mul(embedded, 1 - momentum));
    const places = tf.reshape(rows, [-1, 1]);
    bank.replace(
      tf.tensorScatterUpdate<tensorflow.Rank.R2>(stored, places, normaliseRows(tf, moved)),
    );
  });
}

function createSide(site: Site, name: string, dimensions: number): Side {
  const bound = 1 / Math.sqrt(dimensions / 3);
  const uniform = { kind: 'uniform', low: -bound, high: bound } as const;
  return {
    bank: site.memory(`${name}/bank`, [site.images, dimensions], uniform),
    normaliser: site.memory(`${name}/normaliser`, [], { kind: 'constant', value: 0 }),
  };
}

function refusal({ student, teacher, classes }: Pair): string | undefined {
  const missing = [student, teacher].find(({ embedding }) => embedding === undefined);
  if (missing !== undefined) {
    return `the ${missing === student ? 'student' : 'teacher'} has no embedding; allowed: networks of stages (resnet, wrn)`;
  }
  if (classes < 2) return `there are ${classes} classes; allowed: 2 or more`;
  return undefined;
}

/**
 * Contrastive representation distillation (Tian et al., ICLR 2020) as RepDistiller does it, mode
 * `exact`: negatives are images of other classes. They are drawn anew in every step with replacement,
 * on the device, where RepDistiller draws without on the host.
 */
export const crd = defineDistiller({
  name: 'crd',
  paper: 'arXiv:1910.10699',
  weight: 0.8,
  options: z.strictObject({
    dimensions: z.int().min(1).default(128).describe('Values of an embedding.'),
    negatives: z.int().min(1).default(16_384).describe('K: negatives of one image.'),
    temperature: z.number().positive().default(0.07),
    momentum: z.number().min(0).max(1).default(0.5).describe('Share of the old in a bank’s row.'),
  }),
  reads: { teacher: 'features', rows: true },
  refuses: refusal,
  build: (site, { dimensions, negatives, temperature, momentum }) => {
    const embedder = (name: string, inputs = 0) =>
      site.layers.linear({
        name: `${name}/embedding`,
        inputs,
        outputs: dimensions,
        bias: 'uniform',
      });
    const embed = {
      student: embedder('student', site.student.embedding),
      teacher: embedder('teacher', site.teacher.embedding),
    };
    const student = createSide(site, 'student', dimensions);
    const teacher = createSide(site, 'teacher', dimensions);
    const draw = createDrawing(site, negatives);
    const settings = { temperature, images: site.images };
    return {
      loss: (step) => {
        const rows = step.rows as tensorflow.Tensor1D;
        const chosen = draw(step, rows);
        const ofStudent = normaliseRows(site.tf, embed.student(step.student.embedding as Matrix));
        const ofTeacher = normaliseRows(site.tf, embed.teacher(taught(step).embedding as Matrix));
        const loss = site.tf.add<Scalar>(
          anchoredLoss(site, { embedded: ofStudent, chosen }, teacher, settings),
          anchoredLoss(site, { embedded: ofTeacher, chosen }, student, settings),
        );
        remember(site, student, ofStudent, rows, momentum);
        remember(site, teacher, ofTeacher, rows, momentum);
        return loss;
      },
    };
  },
});
