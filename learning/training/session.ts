import { KdxError } from '../../leg/errors.ts';
import type { Trained, TrainSpec } from '../../study/spec.ts';
import type { LegContext } from '../context.ts';
import { loadDataset, type Dataset } from '../data/load.ts';
import type { BatchPlan } from '../data/plan.ts';
import { adam } from '../engine/adam.ts';
import { dot } from '../engine/dot.ts';
import type { Parameter } from '../engine/network.ts';
import type { Optimizer } from '../engine/optimizer.ts';
import { seedIn } from '../engine/random.ts';
import { sgd } from '../engine/sgd.ts';
import type { Trainer } from '../engine/trainer.ts';
import { liveParameters } from '../models/explainer/route.ts';
import { loadNetwork, startNetwork, type Gated } from '../networks.ts';
import { answering } from './answering.ts';
import { createObjective, groundOf, type Objective } from './objective.ts';
import { runPosition, type StepPosition } from './position.ts';
import { createStep, type StepFeeds, type StepParts } from './step.ts';
import { createPredictor, type Predictor } from '../evaluation/predict.ts';
import { networkState, trainingState, type State } from '../engine/state.ts';
import { openTeacherLogits, type TeacherLogits } from '../teaching/teacher-logits.ts';

/** Everything a training holds in memory. */
export type Session = {
  readonly spec: TrainSpec;
  readonly data: Dataset;
  readonly student: Gated;
  readonly objective: Objective;
  readonly trainer: Trainer<StepFeeds>;
  /** Runs the steps of a phase before the training. */
  readonly early?: Pick<EarlyPhase, 'trainer' | 'holds'>;
  readonly predictor: Predictor;
  /** Where the teacher does not run: what it says, read from what a teach leg left. */
  readonly teacherLogits?: TeacherLogits;
  /** Place of an image of the train set in the training split. */
  readonly rowOf: (image: number) => number;
  /** What a checkpoint holds, and the part of it that is the network. */
  readonly trainingState: State;
  readonly networkState: State;
  dispose(): void;
};

/** Loads data and networks and puts the step together. @throws KdxError where one of them is bad */
export async function openSession(spec: TrainSpec, { ports }: LegContext): Promise<Session> {
  const data = await loadDataset(spec.dataset, ports.readBlob);
  const read = async (digest: string | undefined): Promise<Uint8Array | undefined> =>
    digest === undefined ? undefined : ports.readBlob(digest);
  const teacherLogits = await openTeacherLogits(spec, data, ports);
  const taught = teacherLogits === undefined ? runningTeacher(spec) : undefined;
  const teacherWeights = await read(taught?.weights);
  const teacher =
    taught === undefined || teacherWeights === undefined
      ? undefined
      : loadNetwork(taught, spec.dataset, teacherWeights).network;
  const started = startNetwork(spec, await read(spec.parent?.weights));
  const objective = createObjective(spec, groundOf(spec, classesOf(data), teacher));
  const student = withHead(started, objective);
  const parameters = [...trainedParameters(student), ...objective.trained];
  const optimizer = createOptimizer(spec, parameters);
  const parts = { spec, student, teacher, objective };
  const trainer = createStep({ ...parts, optimizer });
  const early = openEarly({ ...parts, student: started });
  const predictor = createPredictor(spec.engine, student);
  return {
    ...{ spec, data, student, objective, trainer, predictor, rowOf: rowsOf(data) },
    ...(early === undefined ? {} : { early }),
    ...(teacherLogits === undefined ? {} : { teacherLogits }),
    trainingState: trainingState([student.network, objective.helpers], optimizer, early?.optimizer),
    networkState: networkState(student.network),
    dispose: () => {
      trainer.dispose();
      early?.dispose();
      predictor.dispose();
      optimizer.dispose();
      objective.dispose();
      student.network.dispose();
      teacher?.dispose();
    },
  };
}

/** @throws KdxError SpecInvalid for a network of ONNX, which runs in no step */
function runningTeacher({ teacher }: TrainSpec): Trained | undefined {
  if (teacher === undefined || !('onnx' in teacher)) return teacher;
  const message = `teacher is ONNX ${teacher.weights} without logits; allowed: with those of a teach leg.`;
  throw new KdxError('SpecInvalid', message);
}

/** The student as its losses have it answer. */
function withHead(student: Gated, { head }: Pick<Objective, 'head'>): Gated {
  return head === undefined ? student : { ...student, network: answering(student.network, head) };
}

/** The phase before a training, at work. */
type EarlyPhase = {
  readonly trainer: Trainer<StepFeeds>;
  readonly optimizer: Optimizer;
  /** Whether a step belongs to it. */
  readonly holds: (at: StepPosition) => boolean;
  dispose(): void;
};

/** @throws KdxError SpecInvalid where it would leave no epoch for the training */
function openEarly(parts: Omit<StepParts, 'optimizer'>): EarlyPhase | undefined {
  const { spec, student, objective } = parts;
  const { before } = objective;
  if (before === undefined) return undefined;
  const { train } = spec;
  const { publishedEpochs, trains, trained } = before;
  if (!train.scale && train.epochs <= publishedEpochs) {
    const message = `train.epochs is ${train.epochs} where epochs are not scaled; allowed: more than the ${publishedEpochs} of the phase before the training.`;
    throw new KdxError('SpecInvalid', message);
  }
  const own = trainedParameters(student).filter(({ name }) => trains(name));
  const optimizer = createOptimizer(spec, [...own, ...trained]);
  const trainer = createStep({ ...parts, optimizer, early: before });
  return {
    ...{ optimizer, trainer },
    holds: (at) => runPosition(train, at, publishedEpochs).isBefore === true,
    dispose: () => {
      trainer.dispose();
      optimizer.dispose();
    },
  };
}

/** Classes of the training images, by row of the training split. */
function classesOf({ train, split }: Dataset): Int32Array {
  return Int32Array.from(split.train, (image) => train.set.labels[image] as number);
}

function rowsOf({ split }: Dataset): (image: number) => number {
  const rows = new Map([...split.train].map((image, row) => [image, row]));
  return (image) => {
    const row = rows.get(image);
    if (row === undefined) throw new KdxError('CodeBug', `Image ${image} is not trained on.`);
    return row;
  };
}

/** The batches that it is trained with. */
export function batchPlan({ spec, data, objective }: Session): BatchPlan {
  const { batch, epochs, augment } = spec.train;
  const { train: source, split } = data;
  const seed = seedIn(spec.seeds.data, spec.streams);
  const strong = objective.readsStrongView;
  return { source, images: split.train, batch, epochs, seed, augment, strong };
}

/** A hard tree trains what is alive in it, and never its gates. */
export function trainedParameters({ network, route }: Gated): Parameter[] {
  if (route !== undefined) return liveParameters(network, route);
  return [...network.trainable.values()];
}

/** The optimiser that a training asks for. */
export function createOptimizer(
  { train: { optimizer } }: TrainSpec,
  parameters: readonly Parameter[],
): Optimizer {
  const { weightDecay } = optimizer;
  if (optimizer.name === 'adam') return adam({ parameters, weightDecay });
  const { momentum, nesterov, dot: difference } = optimizer;
  return difference === undefined
    ? sgd({ parameters, weightDecay, momentum, nesterov })
    : dot({ parameters, weightDecay, momentum, difference });
}
