import type { TrainSpec } from '../../study/spec.ts';
import type { Initialiser } from '../engine/network.ts';
import { buildNetwork } from '../models/build.ts';
import { networkOptions } from '../networks.ts';
import { answering } from './answering.ts';
import type { Cost } from './metrics.ts';
import { createObjective, groundOf } from './objective.ts';

const zeros: Initialiser = (_name, shape) =>
  new Float32Array(shape.reduce((product, size) => product * size, 1));

/** What a training costs in parameters, without its data and its teacher. */
export function trainingCost(spec: TrainSpec): Cost {
  const { model, dataset, vam } = spec;
  const body = buildNetwork(networkOptions(model, dataset, vam), zeros);
  const classOfRow = new Int32Array(dataset.split.train);
  const objective = createObjective(spec, groundOf(spec, classOfRow));
  const { head, helpers } = objective;
  const network = head === undefined ? body : answering(body, head);
  const cost = {
    parameters: network.parameterCount,
    helperParameters: helpers.parameterCount,
  };
  network.dispose();
  objective.dispose();
  return cost;
}
