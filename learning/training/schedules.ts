/**
 * Schedules of the published runs, as functions of the epoch. A run of another length stretches
 * them: they read ê = e·E_ref/E, where e counts from 1, E is the run's length and E_ref the
 * published one, so that they are the published ones at E = E_ref. Rates that fall in steps, which
 * may be shorter than an epoch of a short run, are read as their mean over the epoch.
 */
import type { Train } from '../../study/schema.ts';

/** Published length of both stages of the explainer, and of students and teachers. */
const EXPLAINER_EPOCHS = 300;
const STUDENT_EPOCHS = 240;
/** RepDistiller: the rate falls to a tenth after each of these epochs. */
const MILESTONES = [150, 180, 210];
/** KDExplainer, stage 1: the rate would reach zero a little after the end. */
const STAGE_1_SPAN = 1.03093;
/** Runs shorter than this warm up for one epoch instead of two. */
const SHORT_RUN_EPOCHS = 10;
/** KDExplainer, stage 2: the rate is halved at every tenth of the run. */
const STAGE_2_HALVINGS = 10;
/** Gates: softmax(β/(τ₀·t)) with t = T₀/ê. */
const GATE_TAU_0 = 0.5;
const GATE_T_0 = 10;
/** Regularisers warm up over this share of the run (20 of 240 epochs). */
const WARM_UP_SHARE = 1 / 12;

/** All that changes from epoch to epoch. */
export type EpochSettings = {
  readonly learningRate: number;
  readonly gateLearningRate: number;
  /** 1/(τ₀·t) of the explainer's gates. */
  readonly inverseGateTemperature: number;
  /** Share of VAM's entropy weight γ in force: 0 in the first epoch, then linear up to 1. */
  readonly vamWarmUp: number;
};

/** The settings of epoch `epoch`, from 1. */
export function scheduleAt(train: Train, epoch: number): EpochSettings {
  const { optimizer, schedule } = train;
  const base = optimizer.learningRate;
  const gateBase = optimizer.name === 'adam' ? optimizer.gateLearningRate : base;
  const factors = RATE_FACTORS[schedule](epoch, train);
  return {
    learningRate: base * factors.weights,
    gateLearningRate: gateBase * factors.gates,
    inverseGateTemperature: inverseGateTemperature(epoch, train),
    vamWarmUp: warmUp(epoch, train),
  };
}

type Factors = { readonly weights: number; readonly gates: number };
type Length = Pick<Train, 'epochs' | 'scale'>;

const RATE_FACTORS: Readonly<Record<Train['schedule'], (epoch: number, run: Length) => Factors>> = {
  constant: () => alike(1),
  step: (epoch, run) => alike(meanFactor(epoch, run, STUDENT_EPOCHS, stepFactor)),
  'explainer-soft': softStageFactors,
  'explainer-hard': (epoch, run) =>
    alike(meanFactor(epoch, run, EXPLAINER_EPOCHS, hardStageFactor)),
};

function alike(factor: number): Factors {
  return { weights: factor, gates: factor };
}

/** Length that the schedule is laid over: the run's own, or the published one. */
function spanOf({ epochs, scale }: Length, published: number): number {
  return scale ? epochs : published;
}

/**
 * Mean of a published schedule, a factor for each of its epochs, over those that an epoch of the run
 * stands for: a run of any length learns at the mean rate of the published one. Read at the last of
 * them, rates that fall in steps would leave a short run little: of the hard stage's, four epochs
 * would get a third.
 */
function meanFactor(
  epoch: number,
  run: Length,
  published: number,
  factorOf: (epoch: number) => number,
): number {
  const length = published / spanOf(run, published);
  const [start, end] = [(epoch - 1) * length, epoch * length];
  let sum = 0;
  for (let done = Math.floor(start); done < end; done += 1) {
    const share = Math.min(end, done + 1) - Math.max(start, done);
    sum += share * factorOf(done + 1);
  }
  return sum / length;
}

/** RepDistiller: 0.1 to the number of milestones before the published epoch. */
function stepFactor(epoch: number): number {
  return 0.1 ** MILESTONES.filter((milestone) => milestone < epoch).length;
}

/**
 * KDExplainer, stage 1: doubling warm-up with the gates held, one epoch at the full rates, then
 * linear decay in steps of two epochs.
 */
function softStageFactors(epoch: number, run: Length): Factors {
  const span = spanOf(run, EXPLAINER_EPOCHS);
  const warmUpEpochs = span < SHORT_RUN_EPOCHS ? 1 : 2;
  const done = epoch - 1;
  if (done < warmUpEpochs) return { weights: 0.5 ** (warmUpEpochs - done), gates: 0 };
  const even = done - (done % 2);
  if (even <= warmUpEpochs) return alike(1);
  return alike(1 - even / Math.floor(STAGE_1_SPAN * span));
}

/** KDExplainer, stage 2: halved before every published epoch that completes a tenth of the run. */
function hardStageFactor(epoch: number): number {
  return 0.5 ** Math.floor((epoch * STAGE_2_HALVINGS) / EXPLAINER_EPOCHS);
}

/** ê/5. */
function inverseGateTemperature(epoch: number, run: Length): number {
  const position = (epoch * EXPLAINER_EPOCHS) / spanOf(run, EXPLAINER_EPOCHS);
  return position / (GATE_TAU_0 * GATE_T_0);
}

function warmUp(epoch: number, run: Length): number {
  const length = WARM_UP_SHARE * spanOf(run, STUDENT_EPOCHS);
  return Math.min(1, (epoch - 1) / length);
}
