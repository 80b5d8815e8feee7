import { readFile } from 'node:fs/promises';

import { NUMBER_TYPES } from '../../formats/number-types.ts';
import {
  isTorchTensor,
  readTorchCheckpoint,
  type Tensor,
  type TorchValue,
} from '../../formats/torch-checkpoint.ts';
import { errorText, KdxError } from '../../leg/errors.ts';
import { decodeTensors } from '../../learning/engine/safetensors.ts';

/** A file of weights: its bytes, and its tensors by their names there. */
export type WeightsOf = {
  readonly format: 'torch' | 'safetensors';
  readonly bytes: Uint8Array;
  readonly tensors: ReadonlyMap<string, Tensor>;
};

/** What programs keep weights under, beside what else a checkpoint of theirs holds. */
const USUAL_KEYS = ['state_dict', 'model', 'model_state_dict', 'net', 'network', 'weights'];

/** @throws KdxError `DataMismatch` where it cannot be read */
export async function readBytes(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    const message = `${path} cannot be read: ${errorText(cause)}`;
    throw new KdxError('DataMismatch', message, { cause });
  });
}

/**
 * Reads the weights in a file of `torch.save` or of safetensors, told apart by their content.
 *
 * @param key where the weights lie in a checkpoint that holds more; the usual places when absent
 * @throws KdxError `DataMismatch` naming the file, what is there and what is allowed
 */
export async function readWeightsFile(path: string, key?: string): Promise<WeightsOf> {
  return readWeights(await readBytes(path), path, key);
}

/** The same of bytes at hand. */
export function readWeights(bytes: Uint8Array, path: string, key?: string): WeightsOf {
  if (isSafetensors(bytes)) {
    const { tensors } = decodeTensors(bytes, path, NUMBER_TYPES);
    return { format: 'safetensors', bytes, tensors };
  }
  const tensors = weightsIn(readTorchCheckpoint(bytes, path), path, key);
  return { format: 'torch', bytes, tensors };
}

/** A length of eight bytes, and an object of JSON. */
function isSafetensors(bytes: Uint8Array): boolean {
  return bytes[8] === 0x7b;
}

function tensorsOf(value: TorchValue | undefined): ReadonlyMap<string, Tensor> | undefined {
  if (!(value instanceof Map) || value.size === 0) return undefined;
  const entries = [...(value as ReadonlyMap<unknown, TorchValue>)];
  const areTensors = entries.every(([name, of]) => typeof name === 'string' && isTorchTensor(of));
  return areTensors ? (value as ReadonlyMap<string, Tensor>) : undefined;
}

function weightsIn(
  checkpoint: TorchValue,
  path: string,
  key: string | undefined,
): ReadonlyMap<string, Tensor> {
  const entries =
    checkpoint instanceof Map
      ? (checkpoint as ReadonlyMap<unknown, TorchValue>)
      : new Map<unknown, TorchValue>();
  const whole = key === undefined ? tensorsOf(checkpoint) : undefined;
  const keys = key === undefined ? USUAL_KEYS : [key];
  const found = whole ?? keys.map((name) => tensorsOf(entries.get(name))).find((of) => of);
  if (found !== undefined) return found;
  const there = [...entries.keys()].map(String).join(', ') || 'no dictionary';
  const allowed =
    key === undefined
      ? `a state_dict, or one under ${USUAL_KEYS.join(', ')}; --key names another place`
      : `a key with a state_dict`;
  const message = `${path} holds ${there}${key === undefined ? '' : `, and no weights under "${key}"`}; allowed: ${allowed}`;
  throw new KdxError('DataMismatch', message);
}
