/**
 * Schedules of the published runs, read at every step: all of them are functions of ê, the published
 * epoch that the step falls into (`position.ts`). Sources: RepDistiller for students and teachers,
 * the code of KDExplainer for the two stages of the explainer.
 */
import { EXPLAINER_EPOCHS, type Train } from '../../study/train-schema.ts';
import type { Early } from './early.ts';
import { publishedEpochAt, runPosition, type StepPosition } from './position.ts';

/** KDExplainer, stage 1: the gates are held, and the rate doubles, for so many epochs. */
const STAGE_1_WARM_UP_EPOCHS = 2;
/** KDExplainer, stage 1: the epoch at which the rate would reach zero, a little after the end. */
const STAGE_1_SPAN = Math.floor(1.03093 * EXPLAINER_EPOCHS);
/** KDExplainer, stage 2: the rate is halved every so many epochs. */
const STAGE_2_HALF_LIFE = 30;
/** Gates: softmax(β/(τ₀·t)) with t = T₀/ê. */
const GATE_TAU_0 = 0.5;
const GATE_T_0 = 10;

/** All that changes from step to step. */
export type StepSettings = {
  readonly learningRate: number;
  readonly gateLearningRate: number;
  /** 1/(τ₀·t) = ê/5 of the explainer's gates. */
  readonly inverseGateTemperature: number;
};

/** The settings of one step. @param before a phase in front of the training */
export function scheduleAt(
  train: Train,
  at: StepPosition,
  before?: Pick<Early, 'publishedEpochs' | 'learningRate'>,
): StepSettings {
  const { optimizer, schedule } = train;
  const base = optimizer.learningRate;
  const gateBase = optimizer.name === 'adam' ? optimizer.gateLearningRate : base;
  const { publishedEpoch, isBefore } = runPosition(train, at, before?.publishedEpochs);
  const factors = FACTORS[schedule](publishedEpoch, train);
  // Gates grow cold over the explainer's epochs, whatever schedule the rates have.
  const gateEpoch = publishedEpochAt(train, at, EXPLAINER_EPOCHS);
  const early = before?.learningRate ?? base;
  return {
    learningRate: isBefore === true ? early : base * factors.weights,
    gateLearningRate: gateBase * factors.gates,
    inverseGateTemperature: gateEpoch / (GATE_TAU_0 * GATE_T_0),
  };
}

type Factors = { readonly weights: number; readonly gates: number };
/** Factors of the rates in a published epoch, from 1. */
type Schedule = (epoch: number, train: Train) => Factors;

const FACTORS: Readonly<Record<Train['schedule'], Schedule>> = {
  constant: (epoch, train) => alike(warmUpFactor(epoch, train)),
  step: (epoch, train) => alike(warmUpFactor(epoch, train) * stepFactor(epoch, train)),
  cosine: (epoch, train) => alike(warmUpFactor(epoch, train) * cosineFactor(epoch, train)),
  'explainer-soft': softStageFactors,
  'explainer-hard': (epoch) => alike(hardStageFactor(epoch)),
};

function alike(factor: number): Factors {
  return { weights: factor, gates: factor };
}

/** Linear warm-up: 1/n in the first of n epochs, the full rate in the last. */
function warmUpFactor(epoch: number, { warmUpEpochs }: Train): number {
  return warmUpEpochs === 0 ? 1 : Math.min(1, epoch / warmUpEpochs);
}

/** RepDistiller: the factor to the number of milestones before the epoch. */
function stepFactor(epoch: number, { milestones, factor }: Train): number {
  return factor ** milestones.filter((milestone) => milestone < epoch).length;
}

/** Half a cosine from the end of the warm-up to the end of the run (SGDR, Loshchilov & Hutter, 2017). */
function cosineFactor(epoch: number, { publishedEpochs, warmUpEpochs }: Train): number {
  const done = Math.max(0, epoch - 1 - warmUpEpochs) / (publishedEpochs - warmUpEpochs);
  return (1 + Math.cos(Math.PI * done)) / 2;
}

/**
 * KDExplainer, stage 1: doubling warm-up with the gates held, two epochs at the full rates, then
 * linear decay in steps of two epochs.
 */
function softStageFactors(epoch: number): Factors {
  const done = epoch - 1;
  if (done < STAGE_1_WARM_UP_EPOCHS) {
    return { weights: 0.5 ** (STAGE_1_WARM_UP_EPOCHS - done), gates: 0 };
  }
  const even = done - (done % 2);
  return alike(even <= STAGE_1_WARM_UP_EPOCHS ? 1 : 1 - even / STAGE_1_SPAN);
}

/** KDExplainer, stage 2: halved before every epoch that completes a tenth of the run. */
function hardStageFactor(epoch: number): number {
  return 0.5 ** Math.floor(epoch / STAGE_2_HALF_LIFE);
}
