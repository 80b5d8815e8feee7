import { KdxError } from '../../leg/errors.ts';
import { tf } from './backend.ts';
import type { Modules } from './builder.ts';
import type { Optimizer } from './optimizer.ts';
import type { StoredTensor } from './safetensors.ts';

/** All tensors that training changes, by the name they are stored under. */
export type State = ReadonlyMap<string, tf.Variable>;

/** Weights and running statistics of a network: what it takes to use it. */
export function networkState({
  trainable,
  statistics,
}: Pick<Modules, 'trainable' | 'statistics'>): State {
  const weights = [...trainable.values()].map(({ name, variable }) => [name, variable] as const);
  return new Map([...weights, ...statistics]);
}

/**
 * The same of all that is trained or remembered, with the optimiser's slots: what it takes to go on.
 *
 * @param early the optimiser of a phase before the training
 */
export function trainingState(
  trained: readonly Pick<Modules, 'trainable' | 'statistics'>[],
  optimizer: Optimizer,
  early?: Optimizer,
): State {
  const slotsOf = (folder: string, slots: Optimizer['slots'] = new Map()) =>
    [...slots].map(([name, slot]) => [`${folder}/${name}`, slot] as const);
  return new Map([
    ...trained.flatMap((modules) => [...networkState(modules)]),
    ...slotsOf('optimizer', optimizer.slots),
    ...slotsOf('before/optimizer', early?.slots),
  ]);
}

/** Copies tensors to the host. */
export function readState(state: State): Map<string, StoredTensor> {
  const entries = [...state].map(([name, variable]) => {
    const values = Float32Array.from(variable.dataSync<'float32'>());
    return [name, { shape: variable.shape, values }] as const;
  });
  return new Map(entries);
}

/** Puts tensors back. @throws KdxError CheckpointCorrupt where one is missing, unknown or misshapen */
export function writeState(
  state: State,
  stored: ReadonlyMap<string, StoredTensor>,
  origin: string,
): void {
  const unknown = [...stored.keys()].find((name) => !state.has(name));
  if (unknown !== undefined) {
    throw new KdxError('CheckpointCorrupt', `${origin}: tensor ${unknown} belongs to no variable.`);
  }
  for (const [name, variable] of state) {
    const tensor = stored.get(name);
    if (tensor?.shape.join() !== variable.shape.join()) {
      const found = tensor === undefined ? 'is not there' : `has shape [${tensor.shape.join()}]`;
      const wanted = `wanted shape [${variable.shape.join()}]`;
      throw new KdxError('CheckpointCorrupt', `${origin}: tensor ${name} ${found}; ${wanted}.`);
    }
  }
  for (const [name, variable] of state) {
    const { values, shape } = stored.get(name) as StoredTensor;
    tf.tidy(() => variable.assign(tf.tensor(values, [...shape])));
  }
}
