import { readOnnx, withOutputs, type OnnxOutline } from '../../formats/onnx-reader.ts';
import { KdxError } from '../../leg/errors.ts';
import {
  openSession,
  runOnce,
  type OnnxEnd,
  type OnnxSession,
  type Shaped,
} from '../../learning/teaching/onnx.ts';
import type { OnnxFacts } from '../../study/onnx-facts.ts';
import { multiplyAddsIn, productsOf } from './onnx-cost.ts';

/** What a person says of a file of ONNX where the file does not. */
export type OnnxOptions = { readonly layout?: OnnxFacts['layout'] };

/** A classifier in a file of ONNX. */
export type OnnxTeacher = {
  readonly onnx: OnnxFacts;
  readonly classes: number;
  /** Height and width of its images, where it takes no others. */
  readonly imageSize?: number;
};

/** Images of a size that it takes, where it takes several. */
const FREE_SIZE = 32;
const CHANNELS = 3;
const TRIED_IMAGES = 2;
/** Largest difference of a logit by which the images beside one may move it: rounding. */
const ROUNDING = 1e-3;

type Tensors = Extract<OnnxEnd, { readonly isTensor: true }>;

const ONE_FILE = 'one file with all of them (PyTorch: torch.onnx.export(…, external_data=False))';

/** A byte that an ONNX file begins with: its first field is a number. */
const FIRST_BYTE = 0x08;

/** Whether bytes look like a file of ONNX: it has no mark of its own. */
export function looksLikeOnnx(bytes: Uint8Array): boolean {
  return bytes[0] === FIRST_BYTE;
}

/**
 * Finds out what a file of ONNX is, and tries it on noise: what it takes, whether it gives a logit a
 * class, and what it costs.
 *
 * @throws KdxError `DataMismatch` naming the file, what was found and what is allowed
 */
export async function describeOnnx(
  bytes: Uint8Array,
  path: string,
  options: OnnxOptions,
): Promise<OnnxTeacher> {
  const outline = readOnnx(bytes, path);
  if (outline.isSplit) {
    throw refusal(path, 'it keeps its weights in other files', ONE_FILE);
  }
  const session = await openSession(bytes, 1, path);
  try {
    const { input, ...taken } = inputOf(session, path, options);
    const output = outputOf(session, path);
    const { batch = TRIED_IMAGES, imageSize = FREE_SIZE, layout } = taken;
    const shape = shapeOf(layout, batch, imageSize);
    const classes = await tryOut(session, { input, output, shape, path });
    const cost = await measure(bytes, outline, { input, shape, path });
    return {
      onnx: { input, output, layout, ...batchOf(taken), ...cost },
      classes,
      ...(taken.imageSize === undefined ? {} : { imageSize: taken.imageSize }),
    };
  } finally {
    await session.release();
  }
}

function batchOf({ batch }: { readonly batch?: number }): { readonly batch?: number } {
  return batch === undefined ? {} : { batch };
}

function shapeOf(layout: OnnxFacts['layout'], batch: number, size: number): readonly number[] {
  return layout === 'NCHW' ? [batch, CHANNELS, size, size] : [batch, size, size, CHANNELS];
}

function refusal(path: string, found: string, allowed: string): KdxError {
  return new KdxError('DataMismatch', `${path}: ${found}; allowed: ${allowed}`);
}

/** A type as one says it. */
function typeName(value: OnnxEnd): string {
  if (!value.isTensor) return 'no tensor';
  return value.type === 'string' ? 'text' : value.type;
}

/** A size that is known, of a shape of numbers, names and −1. */
function known(size: number | string | undefined): number | undefined {
  return typeof size === 'number' && size > 0 ? size : undefined;
}

/** The layouts that a shape may be of: where it has three channels, else where it leaves them open. */
function layoutsOf(shape: Tensors['shape']): readonly OnnxFacts['layout'][] {
  const channels = (layout: OnnxFacts['layout']) => known(shape[layout === 'NCHW' ? 1 : 3]);
  const all = ['NCHW', 'NHWC'] as const;
  const exact = all.filter((layout) => channels(layout) === CHANNELS);
  return exact.length > 0 ? exact : all.filter((layout) => channels(layout) === undefined);
}

type Taken = {
  readonly input: string;
  readonly layout: OnnxFacts['layout'];
  readonly batch?: number;
  readonly imageSize?: number;
};

function inputOf(session: OnnxSession, path: string, { layout: told }: OnnxOptions): Taken {
  const [input, ...others] = session.inputMetadata;
  const allowed = 'one input, a batch of images: float32 of four axes, three channels';
  if (input === undefined || others.length > 0) {
    throw refusal(path, `it has the inputs ${session.inputNames.join(', ') || 'none'}`, allowed);
  }
  const { name, shape } = input as Tensors;
  const found = `its input ${name} is ${typeName(input)} [${shape?.join(', ') ?? ''}]`;
  if (!input.isTensor || input.type !== 'float32' || shape.length !== 4) {
    throw refusal(path, found, allowed);
  }
  const fits = layoutsOf(shape);
  const layouts = told === undefined ? fits : fits.filter((layout) => layout === told);
  const [layout, ...more] = layouts;
  if (layout === undefined) {
    throw refusal(path, `${found}${told === undefined ? '' : `, not ${told}`}`, allowed);
  }
  if (more.length > 0) throw refusal(path, `${found}, in either layout`, '--layout says which');
  const sizes = layout === 'NCHW' ? shape.slice(2) : shape.slice(1, 3);
  const [height, width] = sizes.map(known);
  if (height !== undefined && width !== undefined && height !== width) {
    throw refusal(path, `${found}, ${height} by ${width} pixels`, 'square images');
  }
  const [batch, imageSize] = [known(shape[0]), height ?? width];
  return {
    ...{ input: name, layout },
    ...(batch === undefined ? {} : { batch }),
    ...(imageSize === undefined ? {} : { imageSize }),
  };
}

function outputOf(session: OnnxSession, path: string): string {
  const outputs = session.outputMetadata;
  const text = outputs.find((output) => typeName(output) === 'text');
  const allowed = 'one output, a logit for every image and class: float32 [batch, classes]';
  if (text !== undefined) throw refusal(path, `its output ${text.name} is text`, allowed);
  const [output, ...others] = outputs;
  if (output === undefined || others.length > 0) {
    throw refusal(path, `it has the outputs ${session.outputNames.join(', ')}`, allowed);
  }
  if (typeName(output) === 'float32') return output.name;
  throw refusal(path, `its output ${output.name} is ${typeName(output)}`, allowed);
}

type Trial = {
  readonly input: string;
  readonly output: string;
  readonly shape: readonly number[];
  readonly path: string;
};

/** Runs it on noise; gives its number of classes. */
async function tryOut(session: OnnxSession, trial: Trial): Promise<number> {
  const { input, output, shape, path } = trial;
  const [batch = 1] = shape;
  const first = noise(shape, 1);
  const { dims, values } = await tried(session, { input, output, path, shape, values: first });
  const [rows, classes = 0] = dims;
  const found = `its output ${output} is [${dims.join(', ')}] for ${batch} images`;
  if (dims.length !== 2 || rows !== batch || classes < 2) {
    throw refusal(path, found, 'a logit for every image and class: [batch, classes]');
  }
  if (!values.every(Number.isFinite)) {
    throw refusal(path, `its output ${output} holds numbers that are not finite`, 'finite logits');
  }
  if (areProbabilities(values, classes)) {
    const what = `its output ${output} is probabilities, which a softmax in the file makes`;
    throw refusal(path, what, 'logits: the file without that softmax');
  }
  // Other images behind the first one.
  const other = noise(shape, 2);
  other.set(first.subarray(0, first.length / batch));
  const again = await tried(session, { input, output, path, shape, values: other });
  const apart = values.subarray(0, classes).map((value, k) => value - (again.values[k] ?? NaN));
  if (apart.some((value) => !(Math.abs(value) <= ROUNDING * Math.max(1, ...values)))) {
    const what = 'the logits of an image change with the images beside it, or from run to run';
    throw refusal(path, what, 'a network that was exported for inference');
  }
  return classes;
}

async function tried(
  session: OnnxSession,
  { input, output, path, ...images }: Omit<Trial, 'shape'> & Shaped,
): Promise<{ readonly dims: readonly number[]; readonly values: Float32Array }> {
  const results = await runOnce(session, { input, outputs: [output], images, place: path });
  const { dims, data } = results[output] ?? { dims: [], data: new Float32Array() };
  return { dims, values: data as Float32Array };
}

function areProbabilities(values: Float32Array, classes: number): boolean {
  if (values.some((value) => value < 0 || value > 1)) return false;
  const rows = Array.from({ length: values.length / classes }, (_, row) =>
    values.subarray(row * classes, (row + 1) * classes),
  );
  return rows.every((row) => Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < ROUNDING);
}

/** The same noise every time, about as large as normalised pixels. */
function noise(shape: readonly number[], seed: number): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length: count }, (_, at) => 2 * Math.sin(seed + 1.7 * at * (at % 7)));
}

/** What it costs, by the shapes that its convolutions and products give. */
async function measure(
  bytes: Uint8Array,
  outline: OnnxOutline,
  { input, shape, path }: Omit<Trial, 'output'>,
): Promise<Pick<OnnxFacts, 'parameters' | 'multiplyAdds' | 'activations'>> {
  const products = productsOf(outline);
  const names = products.map(({ output }) => output);
  const session = await openSession(withOutputs(bytes, names), 1, path);
  try {
    const images = { shape, values: noise(shape, 1) };
    const outputs = [...new Set(names)];
    const results = await runOnce(session, { input, outputs, images, place: path });
    const sizes = new Map(outputs.map((name) => [name, results[name]?.dims ?? []]));
    return multiplyAddsIn(outline, products, sizes, shape[0] ?? 1);
  } finally {
    await session.release();
  }
}
