import { errorText, KdxError } from '../leg/errors.ts';
import { allowNumpy } from './numpy.ts';
import { readPickle } from './pickle.ts';
import { readStoredZip } from './stored-zip.ts';
import { allowTorch, isTensor, storageOf, valuesOf, type TorchStorage } from './torch-tensors.ts';

/**
 * What `torch.save` wrote, read as data: PyTorch's own reader runs whatever the file names, unless told
 * otherwise. Both forms are read: the zip archive (since PyTorch 1.6) and the pickles that follow one
 * another of the time before, which `_use_new_zipfile_serialization=False` still writes.
 */

/** Numbers by row, as 32-bit floats whatever they were. */
export type Tensor = { readonly shape: readonly number[]; readonly values: Float32Array };

/** A file as it was saved: maps, lists, texts, numbers; tensors in place of PyTorch's. */
export type TorchValue =
  | Tensor
  | ReadonlyMap<unknown, TorchValue>
  | readonly TorchValue[]
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | null;

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
const ZIP = [0x50, 0x4b, 0x03, 0x04];
const COUNT_BYTES = 8;

/** Whether a value of a checkpoint is a tensor. */
export function isTorchTensor(value: unknown): value is Tensor {
  return typeof value === 'object' && value !== null && 'values' in value && 'shape' in value;
}

/**
 * Reads a checkpoint of PyTorch.
 *
 * @param place what the bytes are, for messages
 * @throws KdxError `DataMismatch` naming the place, what is there and what is allowed
 */
export function readTorchCheckpoint(bytes: Uint8Array, place: string): TorchValue {
  try {
    const isZip = ZIP.every((byte, index) => bytes[index] === byte);
    return isZip ? readZip(bytes, place) : readLegacy(bytes, place);
  } catch (cause) {
    // What refers to itself, or is larger than memory, ends in a RangeError.
    if (!(cause instanceof TypeError || cause instanceof RangeError)) throw cause;
    throw new KdxError('DataMismatch', `${place}: ${errorText(cause)}`, { cause });
  }
}

type BytesOf = (storage: TorchStorage) => Uint8Array;

const allow = (module: string, name: string) =>
  allowTorch(module, name) ?? allowNumpy(module, name);

function readZip(archive: Uint8Array, place: string): TorchValue {
  const entries = readStoredZip(archive, place);
  const pickle = [...entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) {
    throw new TypeError('it is a zip archive without data.pkl; allowed: a file of torch.save');
  }
  const folder = pickle.slice(0, -'data.pkl'.length);
  if (entries.has(`${folder}constants.pkl`)) {
    throw new TypeError('it is a program of torch.jit.save; allowed: a state_dict of torch.save');
  }
  const order = entries.get(`${folder}byteorder`);
  if (order !== undefined && Buffer.from(order).toString('latin1') !== 'little') {
    throw new TypeError('its byte order is not little; allowed: little, as all PCs write');
  }
  const rules = { allow, persistent: storageOf };
  const { value } = readPickle(entries.get(pickle) as Uint8Array, rules, place);
  return resolve(value, ({ key }) => {
    const bytes = entries.get(`${folder}data/${key}`);
    if (bytes === undefined) throw new TypeError(`storage ${key} is missing`);
    return bytes;
  });
}

function readLegacy(bytes: Uint8Array, place: string): TorchValue {
  const plain = { allow: () => undefined };
  const magic = readPickle(bytes, plain, place);
  if (magic.value !== MAGIC) {
    throw new TypeError('it is no file of torch.save; allowed: .pth or .pt of a state_dict');
  }
  const protocol = readPickle(bytes, plain, place, magic.end);
  if (protocol.value !== PROTOCOL) {
    throw new TypeError(`its protocol is ${String(protocol.value)}; allowed: ${PROTOCOL}`);
  }
  const system = readPickle(bytes, plain, place, protocol.end);
  const isLittle = system.value instanceof Map && system.value.get('little_endian') !== false;
  if (!isLittle) throw new TypeError('its byte order is not little; allowed: little');
  const storages = new Map<string, TorchStorage>();
  const persistent = (id: unknown): TorchStorage => {
    const storage = storageOf(id);
    storages.set(storage.key, storage);
    return storage;
  };
  const object = readPickle(bytes, { allow, persistent }, place, system.end);
  const keys = readPickle(bytes, plain, place, object.end);
  const data = legacyStorages(bytes, keys.end, keys.value, storages);
  return resolve(object.value, ({ key }) => {
    const found = data.get(key);
    if (found === undefined) throw new TypeError(`storage ${key} is missing`);
    return found;
  });
}

/** Behind the pickles: of each storage the count of its numbers, then their bytes. */
function legacyStorages(
  bytes: Uint8Array,
  start: number,
  keys: unknown,
  storages: ReadonlyMap<string, TorchStorage>,
): ReadonlyMap<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Map<string, Uint8Array>();
  let at = start;
  for (const key of Array.isArray(keys) ? (keys as readonly unknown[]) : []) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined) throw new TypeError(`storage ${String(key)} is of no tensor`);
    const left = bytes.length - at - COUNT_BYTES;
    const length = left < 0 ? NaN : Number(view.getBigInt64(at, true)) * storage.type.bytes;
    if (!(length >= 0 && length <= left))
      throw new TypeError(`storage ${storage.key} is cut short`);
    data.set(storage.key, bytes.subarray(at + COUNT_BYTES, at + COUNT_BYTES + length));
    at += COUNT_BYTES + length;
  }
  return data;
}

/** Tensors with their numbers, at every depth. */
function resolve(value: unknown, bytesOf: BytesOf): TorchValue {
  if (isTensor(value)) {
    return { shape: value.shape, values: valuesOf(value, bytesOf(value.storage)) };
  }
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<unknown, unknown>)];
    return new Map(entries.map(([key, inner]) => [key, resolve(inner, bytesOf)]));
  }
  if (Array.isArray(value)) return value.map((inner) => resolve(inner, bytesOf));
  return value as TorchValue;
}
