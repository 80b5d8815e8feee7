/**
 * Methods against a plain definition in double precision: the value, and the gradients with respect to
 * what the student gives and to all that the method trains, by differences of that definition.
 */
import test from 'ava';

import { tf } from '../../learning/engine/backend.ts';
import type { Early } from '../../learning/training/early.ts';
import { answered, input, labels, LATE, objectiveOf, type Case } from './golden.ts';

/** Values of a method's parameters by their names behind `distillers/`. */
export type Parameters = Readonly<Record<string, readonly number[]>>;

export type OracleCase = Case & {
  /** The loss in double precision. @param x the input, row-major */
  readonly definition: (x: readonly number[], parameters: Parameters) => number;
  /** Parameters without a gradient of their own: biases in front of a batch norm. */
  readonly flat?: readonly string[];
};

const STEP = 1e-5;
/** Gradients of so many values are taken of each tensor, spread over it. */
const SAMPLES = 24;

/** Central differences at some places of one tensor. */
function differences(
  values: readonly number[],
  loss: (values: readonly number[]) => number,
): Map<number, number> {
  const stride = Math.max(1, Math.floor(values.length / SAMPLES));
  const places = [...values.keys()].filter((place) => place % stride === 0);
  const moved = (place: number, by: number): number =>
    loss(values.map((value, index) => (index === place ? value + by : value)));
  return new Map(
    places.map((place) => [place, (moved(place, STEP) - moved(place, -STEP)) / (2 * STEP)]),
  );
}

export const agrees = test.macro<[string, OracleCase]>({
  title: (_, name) => `${name} agrees with its definition in double precision`,
  exec: (t, name, setting) => {
    const objective = objectiveOf(setting);
    const { student, teacher, strong, prepare, definition, of, flat = [], isBefore } = setting;
    prepare?.(objective);
    const fed = objective.feedsAt(LATE);
    const { loss, trained: own } = isBefore === true ? (objective.before as Early) : objective;
    const trained = [...own, ...(objective.head?.modules.trainable.values() ?? [])];
    const frozen = [...objective.helpers.trainable.values()].filter((p) => !trained.includes(p));
    const x = tf.variable(setting.x ?? input(of));
    const { value, grads } = tf.variableGrads(
      () =>
        loss({
          ...{ labels, fed, student: answered(objective, student(x)) },
          ...(teacher === undefined ? {} : { teacher }),
          ...(strong === undefined ? {} : { strong: strong(x) }),
        }).total,
      [x, ...trained.map(({ variable }) => variable)],
    );
    const valuesOf = (tensor: tf.Tensor): number[] => [...tensor.dataSync<'float32'>()];
    const given = valuesOf(x);
    const parameters: Parameters = Object.fromEntries(
      [...trained, ...frozen].map(({ name, variable }) => [shortName(name), valuesOf(variable)]),
    );
    const expected = definition(given, parameters);
    const found = value.arraySync();
    t.true(Math.abs(found - expected) <= 2e-5 * Math.abs(expected), `${found}, not ${expected}`);

    const compare = (
      what: string,
      gradient: tf.Tensor | undefined,
      wanted: Map<number, number>,
    ) => {
      t.truthy(gradient, `${what} has no gradient`);
      const actual = valuesOf(gradient as tf.Tensor);
      const scale = Math.max(...[...wanted.values()].map(Math.abs));
      t.true(flat.includes(what) ? scale < 1e-7 : scale > 1e-8, `${what}: largest ${scale}`);
      for (const [place, slope] of wanted) {
        const off = Math.abs((actual[place] ?? NaN) - slope);
        t.true(off <= 2e-4 * scale + 1e-7, `${what}[${place}] is ${actual[place]}, not ${slope}`);
      }
    };
    const ofInput = differences(given, (y) => definition(y, parameters));
    if (flat.includes('the input')) t.true([...ofInput.values()].every((slope) => slope === 0));
    else compare('the input', grads[x.name], ofInput);
    for (const { name, variable } of trained) {
      const short = shortName(name);
      const slopes = differences(parameters[short] ?? [], (changed) =>
        definition(given, { ...parameters, [short]: changed }),
      );
      compare(short, grads[variable.name], slopes);
    }
    objective.dispose();
    x.dispose();
  },
});

function shortName(name: string): string {
  return name.split('/').slice(2).join('/');
}

/** [pixels][channels] of a map [B, H, W, C] or a matrix [B, C], row-major. */
export function pixelsOf(values: readonly number[], channels: number): number[][] {
  return Array.from({ length: values.length / channels }, (_, p) =>
    values.slice(p * channels, (p + 1) * channels),
  );
}

/** Every pixel times a matrix [inputs, outputs], plus a bias. */
export function linearOf(
  pixels: readonly (readonly number[])[],
  kernel: readonly number[],
  bias?: readonly number[],
): number[][] {
  const inputs = pixels[0]?.length ?? 0;
  const outputs = kernel.length / inputs;
  return pixels.map((pixel) =>
    Array.from({ length: outputs }, (_, o) =>
      pixel.reduce((sum, x, i) => sum + x * (kernel[i * outputs + o] ?? NaN), bias?.[o] ?? 0),
    ),
  );
}

/** Batch norm of training over all pixels. */
export function normOf(
  pixels: readonly (readonly number[])[],
  gamma: readonly number[],
  beta: readonly number[],
): number[][] {
  const count = pixels.length;
  const sum = (channel: number, of: (x: number) => number): number =>
    pixels.reduce((total, pixel) => total + of(pixel[channel] ?? NaN), 0) / count;
  const means = gamma.map((_, c) => sum(c, (x) => x));
  const deviations = gamma.map((_, c) =>
    Math.sqrt(sum(c, (x) => (x - (means[c] ?? NaN)) ** 2) + 1e-5),
  );
  return pixels.map((pixel) =>
    pixel.map(
      (x, c) =>
        ((x - (means[c] ?? NaN)) / (deviations[c] ?? NaN)) * (gamma[c] ?? NaN) + (beta[c] ?? NaN),
    ),
  );
}

export function reluOf(pixels: readonly (readonly number[])[]): number[][] {
  return pixels.map((pixel) => pixel.map((x) => Math.max(0, x)));
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** An input of the fixtures as numbers. */
export function numbersOf(name: string): number[] {
  return [...input(name).dataSync<'float32'>()];
}

/** ln softmax(z/T). */
export function logSoftmaxOf(z: readonly number[], temperature = 1): number[] {
  const scaled = z.map((value) => value / temperature);
  const peak = Math.max(...scaled);
  const total = Math.log(scaled.reduce((sum, value) => sum + Math.exp(value - peak), 0));
  return scaled.map((value) => value - peak - total);
}

/** KL of two distributions given by their logits. */
export function divergenceOf(
  wanted: readonly number[],
  own: readonly number[],
  temperature = 1,
): number {
  const [q, p] = [logSoftmaxOf(wanted, temperature), logSoftmaxOf(own, temperature)];
  return q.reduce((sum, ln, index) => sum + Math.exp(ln) * (ln - (p[index] ?? NaN)), 0);
}

/** A wave of the fixtures' kind. */
export function wave(count: number, amplitude: number, omega: number, phase: number): number[] {
  return Array.from({ length: count }, (_, i) => amplitude * Math.sin(omega * i + phase));
}

/** Square maps of a batch, row by row. */
export type Grid = { readonly size: number; readonly pixels: readonly (readonly number[])[] };

/** 3 × 3, padded by 1. */
export function convolutionOf({ size, pixels }: Grid, kernel: readonly number[]): number[][] {
  const inputs = pixels[0]?.length ?? 0;
  const outputs = kernel.length / 9 / inputs;
  return pixels.map((_, index) => {
    const [y, x] = [Math.floor(index / size) % size, index % size];
    const sums = Array.from({ length: outputs }, () => 0);
    for (let tap = 0; tap < 9; tap += 1) {
      const [dy, dx] = [Math.floor(tap / 3) - 1, (tap % 3) - 1];
      if (y + dy < 0 || y + dy >= size || x + dx < 0 || x + dx >= size) continue;
      const pixel = pixels[index + dy * size + dx] ?? [];
      for (const [i, value] of pixel.entries()) {
        for (const o of sums.keys()) {
          sums[o] = (sums[o] ?? 0) + value * (kernel[(tap * inputs + i) * outputs + o] ?? NaN);
        }
      }
    }
    return sums;
  });
}
