/** Levels of experts with a gate behind each, whatever the experts are. */
import { tf } from '../../engine/backend.ts';
import type { Builder, Context } from '../../engine/builder.ts';
import type { Layer } from '../../engine/layers.ts';
import type { Forward } from '../../engine/network.ts';
import { gateOf, liveExperts, mix } from './gates.ts';
import { gateName } from './route.ts';

/** β of every gate [consumers, experts], uniform in [0, 1) at the start. */
export function buildGates(builder: Builder, counts: readonly number[]): tf.Tensor2D[] {
  return counts.map((experts, index) => {
    const consumers = counts[index + 1] ?? builder.options.classes;
    const initial = { kind: 'uniform', low: 0, high: 1 } as const;
    const shape = [consumers, experts];
    const beta = builder.parameter(gateName(index + 2), shape, initial, 'gates');
    return beta as unknown as tf.Tensor2D;
  });
}

type Selected = readonly (tf.Tensor | undefined)[];

/**
 * What the consumers of a gate read: [consumers, …]. With a route the parent itself, else the
 * mixture of all experts.
 */
function consume(gate: tf.Tensor2D, outputs: Selected, parents?: readonly number[]): tf.Tensor {
  if (parents === undefined) return mix(gate, outputs as tf.Tensor[]);
  return tf.stack(parents.map((parent) => outputs[parent] as tf.Tensor));
}

/** Inputs of the next level's experts; `undefined` for those the route leaves out. */
function nextInputs(
  gate: tf.Tensor2D,
  outputs: readonly (tf.Tensor4D | undefined)[],
  parents?: readonly number[],
): (tf.Tensor4D | undefined)[] {
  if (parents !== undefined) return parents.map((parent) => outputs[parent]);
  return tf.unstack(consume(gate, outputs)) as tf.Tensor4D[];
}

/** Experts by level, β of the gate behind each, and what the classes read of a map of the last level. */
type Levels = {
  readonly levels: readonly (readonly Layer[])[];
  readonly betas: readonly tf.Tensor2D[];
  readonly summarise: (map: tf.Tensor4D) => tf.Tensor2D;
};

/** What the classes read, [classes, B, values], and what an explanation looks at on the way. */
type Run = Required<Pick<Forward, 'gates' | 'experts'>> & { readonly read: tf.Tensor3D };

/** Runs all levels. @param first what every expert of the first level reads */
export function runLevels(
  { levels, betas, summarise }: Levels,
  first: tf.Tensor4D,
  context: Context,
): Run {
  const { route } = context;
  const live = route === undefined ? undefined : liveExperts(route);
  const gates = betas.map((beta, level) => gateOf(beta, level, context));
  const experts: (tf.Tensor4D | undefined)[][] = [];
  let inputs: (tf.Tensor4D | undefined)[] = (levels[0] ?? []).map(() => first);
  for (const [index, level] of levels.entries()) {
    const outputs = runLevel(level, inputs, context, live?.[index]);
    experts.push(outputs);
    const gate = gates[index] as tf.Tensor2D;
    if (index + 1 < levels.length) inputs = nextInputs(gate, outputs, route?.parents[index]);
  }
  const summaries = (experts.at(-1) ?? []).map((map) => map && summarise(map));
  const read = consume(gates.at(-1) as tf.Tensor2D, summaries, route?.parents.at(-1));
  return { read: read as tf.Tensor3D, gates, experts };
}

function runLevel(
  level: readonly Layer[],
  inputs: readonly (tf.Tensor4D | undefined)[],
  context: Context,
  live?: ReadonlySet<number>,
): (tf.Tensor4D | undefined)[] {
  return level.map((layer, index) => {
    const input = inputs[index];
    if (input === undefined || live?.has(index) === false) return undefined;
    return layer(input, context);
  });
}
