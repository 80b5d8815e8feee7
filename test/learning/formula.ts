/**
 * Weights and images of the golden fixtures: every number is a function of its kind, shape and
 * indices (`formulas` in test/fixtures/golden/models.json), so no order of layers matters.
 */
import { readFileSync } from 'node:fs';

import type { tf as tensorflow } from '../../learning/engine/backend.ts';
import { tf } from '../../learning/engine/backend.ts';
import type { Initialiser, Network, NetworkOptions } from '../../learning/engine/network.ts';
import { buildNetwork } from '../../learning/models/build.ts';

/** Reads a golden file whose shape the caller states. */
export function readGolden<T>(name: string): T {
  const url = new URL(`../fixtures/golden/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as T;
}

export type Constants = Readonly<Record<string, number>>;

type Cell = { readonly o: number; readonly i: number; readonly kh: number; readonly kw: number };

function kernelValue(c: Constants, cell: Cell, fanIn: number, unit: number): number {
  const { o, i, kh, kw } = cell;
  const { q_ii = NaN, q_okh = NaN, q_ikw = NaN, prime = NaN, gain = NaN } = c;
  const { p0 = NaN, a_o = NaN, a_i = NaN, a_kh = NaN, a_kw = NaN, a_m = NaN, a_u = NaN } = c;
  const m = (o * i + q_ii * i * i + q_okh * o * kh + q_ikw * i * kw) % prime;
  const phase = p0 + a_o * o + a_i * i + a_kh * kh + a_kw * kw + a_m * m + a_u * unit;
  return (gain / Math.sqrt(fanIn)) * Math.sin(phase);
}

/** Calls `value` for every index of a row-major tensor; the index is one array, moved on. */
function fill(shape: readonly number[], value: (index: readonly number[]) => number): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const index = shape.map(() => 0);
  const values = new Float32Array(count);
  for (let flat = 0; flat < count; flat += 1) {
    values[flat] = value(index);
    let axis = shape.length - 1;
    while (axis > 0 && index[axis] === (shape[axis] ?? 0) - 1) index[axis--] = 0;
    if (axis >= 0) index[axis] = (index[axis] ?? 0) + 1;
  }
  return values;
}

/** 0-based expert of a name of the explainer; 0 elsewhere. */
function unitOf(name: string): number {
  return Number(/\/expert(\d+)\//.exec(name)?.[1] ?? 1) - 1;
}

function kernel(c: Constants, name: string, shape: readonly number[]): Float32Array {
  if (shape.length === 4) {
    const fanIn = shape.slice(0, 3).reduce((product, size) => product * size, 1);
    const unit = unitOf(name);
    return fill(shape, ([kh = 0, kw = 0, i = 0, o = 0]) =>
      kernelValue(c, { o, i, kh, kw }, fanIn, unit),
    );
  }
  const fanIn = shape.at(-2) ?? 1;
  return fill(shape, (index) => {
    const [unit, i, o] = index.length === 3 ? index : [0, ...index];
    return kernelValue(c, { o: o ?? 0, i: i ?? 0, kh: 0, kw: 0 }, fanIn, unit ?? 0);
  });
}

/** Gives every parameter and statistic its golden value, by the names that `models/` uses. */
export function formulaInitialiser(c: Constants): Initialiser {
  const n = (name: string): number => c[name] ?? Number.NaN;
  const shifted = (name: string, amplitude: string, ch: number): number =>
    n(amplitude) * ch + n('bn_u') * unitOf(name);
  return (name, shape, initial) => {
    const kind = name.split('/').at(-1);
    const vector = (value: (ch: number) => number): Float32Array =>
      fill(shape, ([ch = 0]) => value(ch));
    if (kind === 'kernel') return kernel(c, name, shape);
    if (kind === 'bias') {
      return fill(shape, (index) => {
        const [o = 0, head] = index.toReversed();
        const unit = head ?? unitOf(name);
        return n('bias_amp') * Math.cos(n('bias_a') * o + n('bias_u') * unit);
      });
    }
    if (kind === 'gamma') return vector((ch) => 1 + 0.1 * Math.sin(shifted(name, 'g_a', ch)));
    if (kind === 'beta' && name.startsWith('gate')) {
      const level = Number(name.slice(4, 5)) - 2;
      return fill(shape, ([r = 0, p = 0]) => {
        const phase = n('br_r') * r + n('br_c') * p + n('br_l') * level;
        return 0.5 + 0.5 * Math.sin(phase);
      });
    }
    if (kind === 'beta') return vector((ch) => 0.1 * Math.cos(shifted(name, 'b_a', ch)));
    if (kind === 'mean') return vector((ch) => 0.1 * Math.sin(shifted(name, 'm_a', ch)));
    if (kind === 'variance') {
      return vector((ch) => 1 + 0.5 * Math.sin(shifted(name, 'v_a', ch)) ** 2);
    }
    return fill(shape, () => (initial.kind === 'constant' ? initial.value : Number.NaN));
  };
}

/** A network with formula weights. */
export function formulaNetwork(c: Constants, options: Partial<NetworkOptions>): Network {
  const complete = { model: 'resnet8', classes: 10, imageSize: 32, ...options };
  return buildNetwork(complete, formulaInitialiser(c));
}

/** Images of the fixtures; `textured` as the training trajectories use them. */
export function formulaImages(
  c: Constants,
  { batch, size = 32, textured = false }: { batch: number; size?: number; textured?: boolean },
): tensorflow.Tensor4D {
  const n = (name: string): number => c[name] ?? Number.NaN;
  const shape: [number, number, number, number] = [batch, size, size, 3];
  const values = fill(shape, ([b = 0, h = 0, w = 0, ch = 0]) => {
    const wave = Math.sin(n('im_h') * h + n('im_w') * w + n('im_c') * ch + n('im_b') * b);
    const base = wave + 0.3 * Math.cos(n('im_hc') * h * ch + n('im_w2') * w + n('im_b2') * b);
    if (!textured) return base;
    const vertical = n('tx_h') * (1 + (b % 4)) * h;
    const horizontal = n('tx_w') * (1 + (Math.floor(b / 2) % 3)) * w;
    return base + n('tx_amp') * Math.sin(vertical + horizontal + ch * b);
  });
  return tf.tensor4d(values, shape);
}

/** Largest deviation, relative to the largest reference value. */
export function relativeError(actual: readonly number[], expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  const difference = expected.map((value, index) => Math.abs(value - (actual[index] ?? NaN)));
  return Math.max(...difference) / scale;
}
