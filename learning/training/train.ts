import type { EpochRecord } from '../../leg/records.ts';
import type { Result } from '../../leg/result.ts';
import type { TrainSpec } from '../../study/spec.ts';
import {
  epochLines,
  createKeeper,
  NO_SUMS,
  restoreCheckpoint,
  saveCheckpoint,
  type EpochSums,
  type LoopPosition,
} from '../checkpoints.ts';
import type { LegContext, Pace, WorkEnd } from '../context.ts';
import { openInput, type Input } from '../data/input.ts';
import { encodeTensors } from '../engine/safetensors.ts';
import { stepsPerEpoch, trainEpoch } from './epoch.ts';
import { measureEpoch } from './measure.ts';
import { trainingMetrics } from './metrics.ts';
import { weightsFile } from '../networks.ts';
import { createProgressMeter, paceOf, type ProgressMeter } from '../progress.ts';
import { lastStepOf } from './position.ts';
import { scheduleAt } from './schedules.ts';
import { batchPlan, openSession, type Session } from './session.ts';
import { readState } from '../engine/state.ts';

/** Where the loss stopped being a number. */
type Divergence = { readonly epoch: number; readonly step: number };

type LoopEnd = {
  readonly position: LoopPosition;
  readonly stopped: boolean;
  readonly diverged?: Divergence;
};

/**
 * Trains one network as its spec says, from its newest checkpoint if there is one, and returns the
 * result; nothing is committed but checkpoints. Asked to stop, it finishes the step, writes a
 * checkpoint and returns `stopped`. Two runs of one spec return the same bytes, however often they
 * were stopped in between.
 *
 * @throws KdxError SpecInvalid, DataMismatch, CheckpointCorrupt, ObjectStore
 */
export async function train(spec: TrainSpec, context: LegContext): Promise<WorkEnd> {
  const session = await openSession(spec, context);
  try {
    const start = await restoreCheckpoint(context, session.trainingState);
    const meter = createProgressMeter(context, {
      epochs: spec.train.epochs,
      steps: stepsPerEpoch(session),
      imagesPerEpoch: spec.dataset.split.train,
    });
    const input = openInput(batchPlan(session), { epoch: start.epoch + 1, step: start.step });
    const end = await loop(session, input, context, meter, start).finally(input.close);
    meter.flush();
    const pace: Pace = { inputSeconds: input.cost.seconds, ...paceOf(meter, start) };
    if (end.stopped) return { ...pace, outcome: 'stopped' };
    const result = await storeResult(session, context, end);
    return { ...pace, outcome: end.diverged === undefined ? 'done' : 'diverged', result };
  } finally {
    session.dispose();
  }
}

async function loop(
  session: Session,
  input: Input,
  context: LegContext,
  meter: ProgressMeter,
  start: LoopPosition,
): Promise<LoopEnd> {
  const { epochs } = session.spec.train;
  const keep = createKeeper<LoopPosition>(context, (at) =>
    saveCheckpoint(context, session.trainingState, at),
  );
  let position = start;
  while (position.epoch < epochs) {
    const { epoch: done, log } = position;
    const epoch = done + 1;
    let counted = position.sums.images;
    const { end, step, sums } = await trainEpoch(
      session,
      input,
      epoch,
      position,
      async (step, sums) => {
        const { images } = sums;
        meter.advance({ epoch, step, loss: sums.loss / images, images: images - counted });
        counted = images;
        return keep({ epoch: done, step, sums, log });
      },
    );
    if (end === 'stopped') return { position, stopped: true };
    if (end === 'diverged') return { position, stopped: false, diverged: { epoch, step } };
    const record = await closeEpoch(session, epoch, sums);
    if (!isFinite(record)) return { position, stopped: false, diverged: { epoch, step } };
    position = { epoch, step: 0, sums: NO_SUMS, log: [...log, record] };
    if (epoch < epochs && (await keep(position))) return { position, stopped: true };
  }
  return { position, stopped: false };
}

function isFinite({ test, validation }: EpochRecord): boolean {
  return Number.isFinite(test.nll) && Number.isFinite(validation?.nll ?? 0);
}

/** The record of an epoch; rates and temperature are those of its last step. */
async function closeEpoch(session: Session, epoch: number, sums: EpochSums): Promise<EpochRecord> {
  const { spec, student, objective } = session;
  const end = lastStepOf(epoch, stepsPerEpoch(session));
  const settings = scheduleAt(spec.train, end, objective.before);
  const isSoft = student.gates === 'soft';
  const means = Object.entries(sums.terms).map(([name, sum]) => [name, sum / sums.images] as const);
  const { inverseGateTemperature, gateLearningRate, learningRate } = settings;
  return {
    epoch,
    learningRate,
    ...(isSoft ? { gateLearningRate, inverseGateTemperature } : {}),
    loss: sums.loss / sums.images,
    terms: Object.fromEntries(means),
    trainTop1: (100 * sums.correct) / sums.images,
    ...(await measureEpoch(session, inverseGateTemperature)),
  };
}

async function storeResult(
  session: Session,
  { key, ports }: LegContext,
  { position: { log }, diverged }: LoopEnd,
): Promise<Result> {
  const { spec, student, objective, networkState } = session;
  const epochs = await ports.writeBlob(epochLines(log));
  const metrics = trainingMetrics(log, {
    parameters: student.network.parameterCount,
    helperParameters: objective.helpers.parameterCount,
  });
  const common = { schema: 1, key, spec, metrics } as const;
  if (diverged !== undefined) {
    return { ...common, status: 'diverged', diverged, files: { epochs } };
  }
  const end = lastStepOf(spec.train.epochs, stepsPerEpoch(session));
  const { inverseGateTemperature } = scheduleAt(spec.train, end);
  const file = weightsFile(student, readState(networkState), inverseGateTemperature);
  const weights = await ports.writeBlob(encodeTensors(file));
  return { ...common, status: 'complete', files: { weights, epochs } };
}
