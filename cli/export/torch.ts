/** A network as PyTorch's users have them: their names, kernels OIHW, linear layers [out, in]. */
import { encodeTensors, type StoredTensor } from '../../learning/engine/safetensors.ts';
import { toPublished } from '../../learning/exchange/layout.ts';
import { publishedNames } from '../../learning/exchange/published-names.ts';
import {
  constantsOf,
  inputsOf,
  type Description,
  type Operation,
} from '../../learning/export/description.ts';
import type { AnyModel } from '../../study/models/models.ts';

/** What a norm that has been folded to a scale and a shift was. */
const BEFORE: Readonly<Record<string, string>> = { factor: 'gamma', offset: 'beta' };
const KINDS: Readonly<Record<string, string>> = { kernel: 'weight', gamma: 'weight', beta: 'bias' };

/**
 * The name of a constant in PyTorch: RepDistiller's where it has one, else ours with dots. A convolution
 * has the name of that convolution there and the bias that its batch norm became; a norm that stays, the
 * norm's.
 */
function torchName(family: AnyModel['family'], constant: string): string {
  const slash = constant.lastIndexOf('/');
  const last = constant.slice(slash + 1);
  const kind = BEFORE[last] ?? last;
  const own = `${constant.slice(0, slash + 1)}${kind}`;
  const [published] = publishedNames(family, own);
  if (published !== undefined) return published;
  return `${constant.slice(0, slash + 1)}${KINDS[kind] ?? kind}`.replaceAll('/', '.');
}

/** A network by the names of PyTorch: its tensors, and its operations with the constants of each. */
export type TorchNetwork = {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly operations: readonly Readonly<Record<string, unknown>>[];
};

/** @param family of its model */
export function torchNetwork(
  { operations, constants }: Description,
  family: AnyModel['family'],
): TorchNetwork {
  const tensors = new Map<string, StoredTensor>();
  const named = new Map<string, { readonly name: string; readonly shape: readonly number[] }>();
  for (const [constant, tensor] of constants) {
    const name = torchName(family, constant);
    const published = toPublished(tensor);
    tensors.set(name, published);
    named.set(constant, { name, shape: published.shape });
  }
  const written = operations.map((operation) => {
    const uses = Object.entries(constantsOf(operation)).map(
      ([role, constant]) => [role, named.get(constant)] as const,
    );
    const rest = uses.length === 0 ? {} : { constants: Object.fromEntries(uses) };
    return { ...settingsOf(operation), inputs: inputsOf(operation), ...rest };
  });
  return { tensors, operations: written };
}

/** An operation without what it reads; maps are NCHW there. */
function settingsOf(operation: Operation): Readonly<Record<string, unknown>> {
  const read = new Set(['input', 'inputs', ...Object.keys(constantsOf(operation))]);
  const settings = Object.entries(operation).filter(([name]) => !read.has(name));
  const [batch, height, width, channels] = operation.shape;
  const isMap = operation.shape.length === 4;
  const shape = isMap ? [batch, channels, height, width] : operation.shape;
  return { ...Object.fromEntries(settings), shape };
}

/** Bytes of `model.safetensors`. */
export function torchWeights(
  { tensors }: TorchNetwork,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  return encodeTensors({ tensors, metadata: { ...metadata, format: 'pt' } });
}
