/**
 * Schedules of the published runs, read at every step: all of them are functions of ê, the published
 * epoch that the step falls into (`position.ts`). Sources: RepDistiller for students and teachers,
 * the code of KDExplainer for the two stages of the explainer.
 */
import type { Train } from '../../study/schema.ts';
import {
  EXPLAINER_EPOCHS,
  publishedEpochAt,
  STUDENT_EPOCHS,
  type StepPosition,
} from './position.ts';

/** RepDistiller: the rate falls to a tenth after each of these epochs. */
const MILESTONES = [150, 180, 210];
/** KDExplainer, stage 1: the gates are held, and the rate doubles, for so many epochs. */
const STAGE_1_WARM_UP_EPOCHS = 2;
/** KDExplainer, stage 1: the epoch at which the rate would reach zero, a little after the end. */
const STAGE_1_SPAN = Math.floor(1.03093 * EXPLAINER_EPOCHS);
/** KDExplainer, stage 2: the rate is halved every so many epochs. */
const STAGE_2_HALF_LIFE = 30;
/** Gates: softmax(β/(τ₀·t)) with t = T₀/ê. */
const GATE_TAU_0 = 0.5;
const GATE_T_0 = 10;
/** VAM: the weight of its entropy grows from zero for so many epochs. */
const VAM_WARM_UP_EPOCHS = 20;

/** All that changes from step to step. */
export type StepSettings = {
  readonly learningRate: number;
  readonly gateLearningRate: number;
  /** 1/(τ₀·t) = ê/5 of the explainer's gates. */
  readonly inverseGateTemperature: number;
  /** Share of VAM's entropy weight γ in force: 0 in the first published epoch, then linear up to 1. */
  readonly vamWarmUp: number;
};

/** The settings of one step. */
export function scheduleAt(train: Train, at: StepPosition): StepSettings {
  const { optimizer, schedule } = train;
  const base = optimizer.learningRate;
  const gateBase = optimizer.name === 'adam' ? optimizer.gateLearningRate : base;
  const explainerEpoch = publishedEpochAt(train, at, EXPLAINER_EPOCHS);
  const studentEpoch = publishedEpochAt(train, at, STUDENT_EPOCHS);
  const factors = FACTORS[schedule]({ explainerEpoch, studentEpoch });
  return {
    learningRate: base * factors.weights,
    gateLearningRate: gateBase * factors.gates,
    inverseGateTemperature: explainerEpoch / (GATE_TAU_0 * GATE_T_0),
    vamWarmUp: Math.min(1, (studentEpoch - 1) / VAM_WARM_UP_EPOCHS),
  };
}

type PublishedEpochs = { readonly explainerEpoch: number; readonly studentEpoch: number };
type Factors = { readonly weights: number; readonly gates: number };

const FACTORS: Readonly<Record<Train['schedule'], (at: PublishedEpochs) => Factors>> = {
  constant: () => alike(1),
  step: ({ studentEpoch }) => alike(stepFactor(studentEpoch)),
  'explainer-soft': ({ explainerEpoch }) => softStageFactors(explainerEpoch),
  'explainer-hard': ({ explainerEpoch }) => alike(hardStageFactor(explainerEpoch)),
};

function alike(factor: number): Factors {
  return { weights: factor, gates: factor };
}

/** RepDistiller: 0.1 to the number of milestones before the epoch. */
function stepFactor(epoch: number): number {
  return 0.1 ** MILESTONES.filter((milestone) => milestone < epoch).length;
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
