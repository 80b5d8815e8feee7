/** The phase before a training that a method may ask for. */
import type { Before, Step, Term } from '../../distillers/contract.ts';
import { KdxError } from '../../leg/errors.ts';
import { tf } from '../engine/backend.ts';
import type { Parameter } from '../engine/network.ts';

/** A term, and what puts its weight on it. */
export type Weighted = {
  readonly name: string;
  /** Whether it reads a teacher. */
  readonly isTaught: boolean;
  readonly loss: Term['loss'];
  readonly answer: Term['answer'];
  readonly before?: (Before & { readonly publishedEpochs: number }) | undefined;
  readonly weigh: (loss: tf.Scalar, step: Step) => tf.Scalar;
};

/** The sum of a step's terms, and each of them without its weight. */
export type StepLoss = (step: Step) => {
  readonly total: tf.Scalar;
  readonly terms: Readonly<Record<string, tf.Scalar>>;
  /** The terms with their weights: those of the task, and those that a teacher adds. */
  readonly sides?: Readonly<Record<'task' | 'taught', readonly tf.Scalar[]>>;
};

/** The phase before a training; the terms beside its own are zero there. */
export type Early = Omit<Before, 'loss'> & {
  /** Its length in the published run, in front of that run's epochs. */
  readonly publishedEpochs: number;
  readonly loss: StepLoss;
  /** What it trains beside the student. */
  readonly trained: readonly Parameter[];
};

/** @throws KdxError SpecInvalid where two terms ask for a phase before the training */
export function earlyOf(
  weighted: readonly Weighted[],
  trained: readonly Parameter[],
): Early | undefined {
  const [first, second] = weighted.filter(({ before }) => before !== undefined);
  if (first?.before === undefined) return undefined;
  if (second !== undefined) {
    const names = `${first.name} and ${second.name}`;
    const message = `distillers: ${names} both train before the training; allowed: one of them.`;
    throw new KdxError('SpecInvalid', message);
  }
  const { before, weigh } = first;
  const others = weighted.filter(({ name }) => name !== first.name);
  return {
    ...before,
    trained,
    loss: (step) => {
      const value = before.loss(step);
      const silent = others.map(({ name }) => [name, tf.scalar(0)] as const);
      return {
        total: before.isWeighed === true ? weigh(value, step) : value,
        terms: { ...Object.fromEntries(silent), [first.name]: value },
      };
    },
  };
}
