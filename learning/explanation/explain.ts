import { KdxError } from '../../leg/errors.ts';
import type { ConflictRate, Evaluation, Explanation, Tree } from '../../leg/records.ts';
import type { Result } from '../../leg/result.ts';
import { canonicalJson } from '../../study/canonical.ts';
import type { ExplainSpec, Trained } from '../../study/spec.ts';
import type { LegContext } from '../context.ts';
import { loadDataset, type Dataset } from '../data/load.ts';
import {
  evaluateLoaded,
  evaluateStored,
  evaluationWork,
  withTeacher,
  type Evaluated,
} from '../evaluation/evaluate.ts';
import { createArmLoss, type ArmLoss } from './arm-loss.ts';
import { classGradientsWork } from './class-gradients.ts';
import { conflictRates } from './conflict.ts';
import { teacherCorrelation } from './correlation.ts';
import { gateRecords } from './gates.ts';
import { treeOf } from './tree.ts';
import { gateRows } from '../models/explainer/route.ts';
import type { Network } from '../engine/network.ts';
import { loadNetwork, type LoadedNetwork } from '../networks.ts';
import { classMeans } from '../evaluation/scores.ts';
import { createTick, sumOf } from '../tick.ts';

/** Temperature of the soft labels that classes are compared by. */
const SOFT_LABEL_TEMPERATURE = 4;

/**
 * The explanation of one arm: gates and their entropies, the tree, how well it does with soft
 * gates and as a tree trained anew, and whether the tree agrees with the teacher.
 *
 * @throws KdxError SpecInvalid, DataMismatch, CheckpointCorrupt, ObjectStore; Stopped where a stop
 *   was asked for (there is nothing to keep: it starts again)
 */
export async function explain(spec: ExplainSpec, context: LegContext): Promise<Result> {
  const { key, ports } = context;
  const data = await loadDataset(spec.dataset, ports.readBlob);
  const explanation = await explainWith(spec, data, context);
  const bytes = new TextEncoder().encode(canonicalJson(explanation));
  const files = { explanation: await ports.writeBlob(bytes) };
  return { schema: 1, key, spec, status: 'complete', metrics: metricsOf(explanation), files };
}

/** What an explanation works with. */
type Inquiry = {
  readonly spec: ExplainSpec;
  readonly data: Dataset;
  readonly tick: (images: number) => void;
  /** Absent where the arm's teacher is: then nothing is said of its conflicts. */
  readonly loss: ArmLoss | undefined;
  /** What the teacher says of the test images. */
  readonly teacher: Evaluated | undefined;
};

async function explainWith(
  spec: ExplainSpec,
  data: Dataset,
  context: LegContext,
): Promise<Explanation> {
  const { soft, hard, teacher: taught } = spec;
  const networks = taught === undefined ? [soft, hard] : [soft, hard, taught];
  const gradients = classGradientsWork(data);
  const work = sumOf(evaluationWork(networks, data), sumOf(gradients, gradients));
  const tick = createTick(context, { what: 'an explanation', ...work });
  const explainBeside = async (known?: Evaluated, teacher?: Network): Promise<Explanation> => {
    const loss = createArmLoss(spec, teacher);
    try {
      return await explainStages({ spec, data, tick, loss, teacher: known }, context);
    } finally {
      loss?.dispose();
    }
  };
  if (taught === undefined) return explainBeside();
  if ('onnx' in taught) {
    // It answers for the test images, and runs in no loss.
    const bytes = await context.ports.readBlob(taught.weights);
    return explainBeside(await evaluateStored(taught, spec, data, bytes, tick));
  }
  return withNetwork(spec, taught, context, async (loaded) =>
    explainBeside(await evaluateLoaded(loaded, data, spec.engine, tick), loaded.network),
  );
}

async function explainStages(inquiry: Inquiry, context: LegContext): Promise<Explanation> {
  const { spec } = inquiry;
  const { gates, tree, soft, correlation, conflict } = await withNetwork(
    spec,
    spec.soft,
    context,
    (loaded) => describeGates(loaded, inquiry),
  );
  return withNetwork(spec, spec.hard, context, async (loaded) => ({
    ...{ gates, tree, soft },
    ...(correlation === undefined ? {} : { teacherCorrelation: correlation }),
    hard: await evaluateBeside(loaded, inquiry),
    ...(conflict === undefined
      ? {}
      : { conflict: { soft: conflict, hard: (await ratesOf(loaded, tree, inquiry)) ?? [] } }),
  }));
}

async function withNetwork<Value>(
  { dataset }: ExplainSpec,
  trained: Trained,
  { ports }: LegContext,
  use: (loaded: LoadedNetwork) => Promise<Value>,
): Promise<Value> {
  const loaded = loadNetwork(trained, dataset, await ports.readBlob(trained.weights));
  try {
    return await use(loaded);
  } finally {
    loaded.network.dispose();
  }
}

/** The part of the explanation that the network with soft gates holds. */
async function describeGates(loaded: LoadedNetwork, inquiry: Inquiry) {
  const { network, inverseGateTemperature } = loaded;
  if (inverseGateTemperature === undefined) {
    const message = `soft is ${network.options.model}; allowed: an explainer with soft gates.`;
    throw new KdxError('SpecInvalid', message);
  }
  const { teacher } = inquiry;
  const gates = gateRows(network);
  const tree = treeOf(gates);
  const correlation =
    teacher === undefined
      ? undefined
      : teacherCorrelation(tree, classMeans(teacher.predictions, SOFT_LABEL_TEMPERATURE));
  return {
    gates: gateRecords(gates, inverseGateTemperature),
    tree,
    soft: await evaluateBeside(loaded, inquiry),
    correlation,
    conflict: await ratesOf(loaded, tree, inquiry),
  };
}

/** The evaluation of a stage, and how well it follows the teacher. */
async function evaluateBeside(
  loaded: LoadedNetwork,
  { spec, data, tick, teacher }: Inquiry,
): Promise<Evaluation> {
  return withTeacher(await evaluateLoaded(loaded, data, spec.engine, tick), teacher);
}

/** The conflict rates of a stage. Both stages have the same tree: the hard one took its gates. */
async function ratesOf(
  loaded: LoadedNetwork,
  tree: Tree,
  { data, loss, tick }: Inquiry,
): Promise<ConflictRate[] | undefined> {
  if (loss === undefined) return undefined;
  const experts = tree.live.map((level) => level.experts);
  return conflictRates({ loaded, loss, experts }, tree, data, tick);
}

function metricsOf(explanation: Explanation): Record<string, number> {
  const {
    gates,
    tree,
    soft,
    hard,
    teacherCorrelation,
    conflict = { soft: [], hard: [] },
  } = explanation;
  const intrinsic = gates.map(({ entropy }) => entropy.intrinsic.mean);
  return {
    top1: hard.top1,
    'soft.top1': soft.top1,
    'hard.top1': hard.top1,
    'entropy.intrinsic': intrinsic.reduce((sum, value) => sum + value, 0) / intrinsic.length,
    ...byLevel(gates, 'entropy.intrinsic', ({ entropy }) => entropy.intrinsic.mean),
    ...byLevel(gates, 'entropy.asTrained', ({ entropy }) => entropy.asTrained.mean),
    ...byLevel(tree.live, 'live', ({ live }) => live),
    ...byLevel(conflict.soft, 'soft.conflict', ({ rate }) => rate),
    ...byLevel(conflict.hard, 'hard.conflict', ({ rate }) => rate),
    ...(teacherCorrelation === undefined ? {} : { 'teacher.correlation': teacherCorrelation }),
  };
}

function byLevel<Item extends { readonly level: number }>(
  items: readonly Item[],
  name: string,
  value: (item: Item) => number,
): Record<string, number> {
  return Object.fromEntries(items.map((item) => [`${name}.level${item.level}`, value(item)]));
}
