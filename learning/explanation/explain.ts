import { KdxError } from '../../leg/errors.ts';
import type { Explanation } from '../../leg/records.ts';
import type { Result } from '../../leg/result.ts';
import { canonicalJson } from '../../study/canonical.ts';
import type { ExplainSpec, Trained } from '../../study/spec.ts';
import type { LegContext } from '../context.ts';
import { loadDataset, type Dataset } from '../data/load.ts';
import {
  evaluateLoaded,
  evaluationWork,
  withTeacher,
  type Evaluated,
} from '../evaluation/evaluate.ts';
import { conflictRates, conflictWork } from './conflict.ts';
import { teacherCorrelation } from './correlation.ts';
import { gateRecords } from './gates.ts';
import { treeOf } from './tree.ts';
import { gateRows } from '../models/explainer/route.ts';
import { loadNetwork, type LoadedNetwork } from '../networks.ts';
import { classMeans } from '../evaluation/scores.ts';
import { createTick, sumOf } from '../tick.ts';

/** Temperature of the soft labels that classes are compared by. */
const SOFT_LABEL_TEMPERATURE = 4;

/**
 * What one arm of the explainer tells: gates and their entropies, the tree, how well it does with soft
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

async function explainWith(
  spec: ExplainSpec,
  data: Dataset,
  context: LegContext,
): Promise<Explanation> {
  const { engine, soft: gated, hard: tree, teacher: taught } = spec;
  const networks = taught === undefined ? [gated, tree] : [gated, tree, taught];
  const work = sumOf(evaluationWork(networks, data), conflictWork(data));
  const tick = createTick(context, { what: 'an explanation', ...work });
  const evaluated = <Value>(
    trained: Trained,
    use: (loaded: LoadedNetwork, evaluated: Evaluated) => Promise<Value>,
  ): Promise<Value> =>
    withNetwork(spec, trained, context, async (loaded) =>
      use(loaded, await evaluateLoaded(loaded, data, engine, tick)),
    );
  const teacher =
    taught === undefined
      ? undefined
      : await evaluated(taught, (_, found) => Promise.resolve(found));
  const soft = await evaluated(gated, (loaded, found) =>
    describeGates(loaded, found, teacher, data, tick),
  );
  const hard = await evaluated(tree, (_, found) => Promise.resolve(withTeacher(found, teacher)));
  return { ...soft, hard };
}

async function withNetwork<Value>(
  { dataset }: ExplainSpec,
  trained: Trained,
  { ports }: LegContext,
  use: (loaded: LoadedNetwork) => Promise<Value>,
): Promise<Value> {
  const loaded = loadNetwork(trained, dataset.name, await ports.readBlob(trained.weights));
  try {
    return await use(loaded);
  } finally {
    loaded.network.dispose();
  }
}

/** All that the network with soft gates tells. */
async function describeGates(
  loaded: LoadedNetwork,
  evaluated: Evaluated,
  teacher: Evaluated | undefined,
  data: Dataset,
  tick: (images: number) => void,
): Promise<Omit<Explanation, 'hard'>> {
  const { network, inverseGateTemperature } = loaded;
  if (inverseGateTemperature === undefined) {
    const message = `soft is ${network.options.model}; allowed: an explainer with soft gates.`;
    throw new KdxError('SpecInvalid', message);
  }
  const gates = gateRows(network);
  const tree = treeOf(gates);
  const correlation =
    teacher === undefined
      ? undefined
      : teacherCorrelation(tree, classMeans(teacher.predictions, SOFT_LABEL_TEMPERATURE));
  return {
    gates: gateRecords(gates, inverseGateTemperature),
    tree,
    soft: withTeacher(evaluated, teacher),
    ...(correlation === undefined ? {} : { teacherCorrelation: correlation }),
    conflict: await conflictRates(loaded, tree, data, tick),
  };
}

function metricsOf(explanation: Explanation): Record<string, number> {
  const { gates, tree, soft, hard, teacherCorrelation, conflict = [] } = explanation;
  const intrinsic = gates.map(({ entropy }) => entropy.intrinsic.mean);
  return {
    top1: hard.top1,
    'soft.top1': soft.top1,
    'hard.top1': hard.top1,
    'entropy.intrinsic': intrinsic.reduce((sum, value) => sum + value, 0) / intrinsic.length,
    ...byLevel(gates, 'entropy.intrinsic', ({ entropy }) => entropy.intrinsic.mean),
    ...byLevel(gates, 'entropy.asTrained', ({ entropy }) => entropy.asTrained.mean),
    ...byLevel(tree.live, 'live', ({ live }) => live),
    ...byLevel(conflict, 'conflict', ({ rate }) => rate),
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
