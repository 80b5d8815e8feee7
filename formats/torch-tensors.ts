import { NUMBER_TYPES, type NumberType } from './number-types.ts';
import { isPickleGlobal, type Allowed } from './pickle-rules.ts';

/** What a pickle of PyTorch's tensors names, for `readPickle`: data alone, nothing is called. */

/** Numbers that tensors are views of. Their bytes may be known only when the pickle has been read. */
export type TorchStorage = {
  readonly key: string;
  readonly type: NumberType;
  /** Numbers, not bytes. */
  readonly count: number;
};

/** A view of a storage; offset and strides in numbers. */
export type TorchTensor = {
  readonly kind: 'tensor';
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
};

const STORAGES: Readonly<Record<string, NumberType>> = {
  DoubleStorage: NUMBER_TYPES.F64,
  FloatStorage: NUMBER_TYPES.F32,
  HalfStorage: NUMBER_TYPES.F16,
  BFloat16Storage: NUMBER_TYPES.BF16,
  LongStorage: NUMBER_TYPES.I64,
  IntStorage: NUMBER_TYPES.I32,
  ShortStorage: NUMBER_TYPES.I16,
  CharStorage: NUMBER_TYPES.I8,
  ByteStorage: NUMBER_TYPES.U8,
  BoolStorage: NUMBER_TYPES.BOOL,
};

function refuse(problem: string): never {
  throw new TypeError(problem);
}

export function isTensor(value: unknown): value is TorchTensor {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'tensor';
}

function areCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** (storage, offset, shape, strides, …) */
const rebuildTensor: Allowed = {
  call: ([storage, offset, shape, strides]) => {
    const isView = areCounts([offset]) && areCounts(shape) && areCounts(strides);
    if (!isView || shape.length !== strides.length)
      return refuse('a tensor has no shape and strides');
    const view = { storage: storage as TorchStorage, offset: offset as number, shape, strides };
    return { kind: 'tensor', ...view } satisfies TorchTensor;
  },
};

/** (tensor, …): a parameter is its tensor. */
const rebuildParameter: Allowed = { call: ([tensor]) => tensor };

/** Dictionaries; what is set on the object itself (`_metadata`) is let go. */
const dictionary: Allowed = { call: () => new Map(), build: (value) => value };

/** Options of a program, as `torch.save` is often given them beside the weights. */
const namespace: Allowed = { call: () => new Map(), build: (_, state) => state };

const FUNCTIONS: Readonly<Record<string, Allowed>> = {
  'collections.OrderedDict': dictionary,
  'collections.defaultdict': dictionary,
  'argparse.Namespace': namespace,
  'torch._utils._rebuild_tensor': rebuildTensor,
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_parameter': rebuildParameter,
  'torch.Size': { call: ([sizes]) => sizes },
  'torch.device': { call: ([name]) => name },
  'builtins.dict': {},
  'builtins.list': {},
};

/** The names that tensors and what stands around them in a checkpoint have, and no others. */
export function allowTorch(module: string, name: string): Allowed | undefined {
  if (module === 'torch' && Object.hasOwn(STORAGES, name)) return {};
  const key = `${module}.${name}`;
  return Object.hasOwn(FUNCTIONS, key) ? FUNCTIONS[key] : undefined;
}

/** A storage by what a pickle knows of it: ('storage', type, key, device, numbers, …). */
export function storageOf(id: unknown): TorchStorage {
  const [what, of, key, , count] = Array.isArray(id) ? (id as readonly unknown[]) : [];
  const type = isPickleGlobal(of) && of.module === 'torch' ? STORAGES[of.name] : undefined;
  if (what !== 'storage' || typeof key !== 'string' || !areCounts([count])) {
    return refuse('it refers to something that is no storage');
  }
  if (type === undefined) {
    const allowed = Object.keys(STORAGES).join(', ');
    return refuse(`storage ${key} is of another type; allowed: ${allowed}`);
  }
  return { key, type, count: count as number };
}

/** The numbers of a tensor, row-major. @throws TypeError where the view leaves its storage */
export function valuesOf({ storage, offset, shape, strides }: TorchTensor, bytes: Uint8Array) {
  const size = shape.reduce((product, length) => product * length, 1);
  const reach = shape.reduce((sum, length, axis) => sum + (length - 1) * (strides[axis] ?? 0), 0);
  const available = Math.floor(bytes.length / storage.type.bytes);
  if (size > 0 && offset + reach >= Math.min(storage.count, available)) {
    return refuse(`a tensor reads beyond the ${available} numbers of storage ${storage.key}`);
  }
  const all = storage.type.read(bytes.subarray(0, available * storage.type.bytes));
  const values = new Float32Array(size);
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < size; to += 1) {
    values[to] = all[from] as number;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const stride = strides[axis] as number;
      from += stride;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= (shape[axis] as number) * stride;
      index[axis] = 0;
    }
  }
  return values;
}
