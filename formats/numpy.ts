import type { Allowed } from './pickle-rules.ts';

/** What a pickle of numpy's arrays names, for `readPickle`. Both homes of its functions are known. */

/** An array as it lies in the file: `data` is a view of it where the pickle held bytes. */
export type NumpyArray = {
  readonly kind: 'array';
  readonly shape: readonly number[];
  readonly type: NumpyType;
  /** First index fastest. */
  readonly isFortran: boolean;
  readonly data: Uint8Array;
};

/** E.g. `{ kind: 'type', code: 'u1', isBigEndian: false }`. */
export type NumpyType = {
  readonly kind: 'type';
  /** Letter and bytes of a value: b, i, u or f. */
  readonly code: string;
  readonly isBigEndian: boolean;
};

const CODE = /^(b1|[iu][1248]|f[48])$/;
const ALLOWED_TYPES = 'bool, int and uint of 8 to 64 bits, float of 32 and 64 bits';

function refuse(problem: string): never {
  throw new TypeError(problem);
}

function isType(value: unknown): value is NumpyType {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'type';
}

export function isNumpyArray(value: unknown): value is NumpyArray {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'array';
}

const type: Allowed = {
  call: ([name]) => {
    const code = typeof name === 'string' ? name.replace(/^[|<>=]/, '') : '';
    if (!CODE.test(code)) refuse(`its type is ${String(name)}; allowed: ${ALLOWED_TYPES}`);
    return { kind: 'type', code, isBigEndian: String(name).startsWith('>') } satisfies NumpyType;
  },
  // (version, byte order, subtype, names, fields, …)
  build: (value, state) => {
    const [, order] = Array.isArray(state) ? (state as readonly unknown[]) : [];
    return { ...(value as NumpyType), isBigEndian: order === '>' } satisfies NumpyType;
  },
};

function arrayOf(shape: unknown, of: unknown, isFortran: boolean, data: unknown): NumpyArray {
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    return refuse('its shape is no tuple of sizes');
  }
  if (!isType(of)) return refuse('it has no type');
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
  if (!(bytes instanceof Uint8Array)) return refuse('its data are no bytes');
  const sizes = shape as readonly number[];
  const wanted = sizes.reduce((product, size) => product * size, Number(of.code.slice(1)));
  if (bytes.length !== wanted) {
    return refuse(`${bytes.length} bytes of data; wanted ${wanted} for shape ${sizes.join(' × ')}`);
  }
  return { kind: 'array', shape: sizes, type: of, isFortran, data: bytes };
}

/** An array begins empty, and is what its state says: (version, shape, type, Fortran, data). */
const reconstruct: Allowed = {
  call: () => ({ kind: 'array', shape: [0] }),
  build: (_, state) => {
    if (!Array.isArray(state) || state.length < 4) return refuse('its state is no tuple of five');
    const [shape, of, isFortran, data] = (state as readonly unknown[]).slice(-4);
    return arrayOf(shape, of, isFortran === true || isFortran === 1, data);
  },
};

/** As protocol 5 writes arrays: (data, type, shape, order). */
const fromBuffer: Allowed = {
  call: ([data, of, shape, order]) => arrayOf(shape, of, order === 'F', data),
};

/** One value of an array: (type, its bytes). */
const scalar: Allowed = {
  call: ([of, data]) => numbersOf(arrayOf([1], of, false, data))[0],
};

/** How Python 3 writes bytes in the protocols of Python 2: as latin-1 text. */
const encode: Allowed = {
  call: ([text, encoding]) => {
    const isLatin1 = encoding === 'latin1' || encoding === undefined;
    if (typeof text === 'string' && isLatin1) return Buffer.from(text, 'latin1');
    return refuse(`bytes are written as ${String(encoding)}; allowed: latin1`);
  },
};

const FUNCTIONS: Readonly<Record<string, Allowed>> = {
  'numpy.core.multiarray._reconstruct': reconstruct,
  'numpy._core.multiarray._reconstruct': reconstruct,
  'numpy.core.multiarray.scalar': scalar,
  'numpy._core.multiarray.scalar': scalar,
  'numpy.core.numeric._frombuffer': fromBuffer,
  'numpy._core.numeric._frombuffer': fromBuffer,
  'numpy.ndarray': {},
  'numpy.dtype': type,
  '_codecs.encode': encode,
};

/** The names that arrays, their types and their bytes have in a pickle, and no others. */
export function allowNumpy(module: string, name: string): Allowed | undefined {
  const key = `${module}.${name}`;
  return Object.hasOwn(FUNCTIONS, key) ? FUNCTIONS[key] : undefined;
}

/** The values of an array, in the order of its data; those of 64 bits as far as doubles are exact. */
export function numbersOf({ type: { code, isBigEndian }, data }: NumpyArray): readonly number[] {
  const bytes = Number(code.slice(1));
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from(
    { length: data.length / bytes },
    (_, i) => READERS[code]?.(view, i * bytes, !isBigEndian) ?? NaN,
  );
}

type ReadNumber = (view: DataView, at: number, isLittleEndian: boolean) => number;

const READERS: Readonly<Record<string, ReadNumber>> = {
  b1: (view, at) => view.getUint8(at),
  u1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  i2: (view, at, little) => view.getInt16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
};
