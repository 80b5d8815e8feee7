/**
 * Where in a run a step is, and which epoch of the published run it stands for. A run of another
 * length is the published run with other steps per epoch: its steps are laid evenly over the
 * published epochs, so that every schedule passes through all of its phases however short the run is.
 */
import type { RunPosition } from '../../distillers/contract.ts';
import { EXPLAINER_EPOCHS, type Train } from '../../study/train-schema.ts';

/** A step of a run, as the training loop counts it. */
export type StepPosition = Pick<RunPosition, 'epoch' | 'step' | 'stepsPerEpoch'>;

/**
 * The position of a step, with the epoch of the run that was published for this schedule.
 *
 * @param before published epochs of a phase in front of that run
 */
export function runPosition(train: Train, at: StepPosition, before = 0): RunPosition {
  const { epoch, step, stepsPerEpoch } = at;
  const progress = ((epoch - 1) * stepsPerEpoch + step) / (train.epochs * stepsPerEpoch);
  const reached = publishedEpochAt(train, at, before + publishedEpochsOf(train)) - before;
  const position = { epoch, step, stepsPerEpoch, epochs: train.epochs, progress };
  return reached < 1
    ? { ...position, publishedEpoch: 1, isBefore: true }
    : { ...position, publishedEpoch: reached };
}

/** The last step of an epoch. */
export function lastStepOf(epoch: number, stepsPerEpoch: number): StepPosition {
  return { epoch, step: stepsPerEpoch - 1, stepsPerEpoch };
}

/** Epochs of the published run that a training follows. */
function publishedEpochsOf({ schedule, publishedEpochs }: Train): number {
  return schedule.startsWith('explainer-') ? EXPLAINER_EPOCHS : publishedEpochs;
}

/**
 * The epoch of a published run of `published` epochs that a step falls into: the epoch itself where
 * the lengths are equal or the schedule is not stretched (`scale: false`).
 */
export function publishedEpochAt(
  { epochs, scale }: Pick<Train, 'epochs' | 'scale'>,
  { epoch, step, stepsPerEpoch }: StepPosition,
  published: number,
): number {
  if (!scale) return epoch;
  // Whole numbers up to the division: a step on a boundary is never rounded to the epoch before it.
  const done = (epoch - 1) * stepsPerEpoch + step;
  return Math.floor((done * published) / (epochs * stepsPerEpoch)) + 1;
}
