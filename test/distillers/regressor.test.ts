/** RepDistiller's `ConvReg` in each of its forms, against sums in double precision on the host. */
import test from 'ava';

import { createRegressor } from '../../distillers/regressor.ts';
import { tf } from '../../learning/engine/backend.ts';
import { createSites } from '../../learning/training/site.ts';

type Map3 = readonly [size: number, size: number, channels: number];
/** [row][column][channel] */
type Grid = number[][][];

const INPUTS = 2;
const OUTPUTS = 3;

function grid(size: number, channels: number, value: (index: number) => number): Grid {
  return Array.from({ length: size }, (_, y) =>
    Array.from({ length: size }, (_x, x) =>
      Array.from({ length: channels }, (_c, c) => value((y * size + x) * channels + c)),
    ),
  );
}

/** What PyTorch calls a convolution of stride s and padding p. */
function convolution(x: Grid, kernel: number[][][][], stride: number, padding: number): Grid {
  const size = Math.floor((x.length + 2 * padding - kernel.length) / stride) + 1;
  const y = grid(size, OUTPUTS, () => 0);
  for (const [r, row] of y.entries()) {
    for (const [c, cell] of row.entries()) {
      for (const [kr, line] of kernel.entries()) {
        for (const [kc, weights] of line.entries()) {
          const pixel = x[r * stride + kr - padding]?.[c * stride + kc - padding];
          if (pixel !== undefined) add(cell, pixel, (i, o) => weights[i]?.[o] ?? NaN);
        }
      }
    }
  }
  return y;
}

/** What PyTorch calls a transposed convolution, 4 × 4 of stride 2 and padding 1. */
function transposed(x: Grid, kernel: number[][][][]): Grid {
  const y = grid(2 * x.length, OUTPUTS, () => 0);
  for (const [r, row] of x.entries()) {
    for (const [c, pixel] of row.entries()) {
      for (const [kr, line] of kernel.entries()) {
        for (const [kc, weights] of line.entries()) {
          const cell = y[2 * r + kr - 1]?.[2 * c + kc - 1];
          if (cell !== undefined) add(cell, pixel, (i, o) => weights[o]?.[i] ?? NaN);
        }
      }
    }
  }
  return y;
}

function add(cell: number[], pixel: number[], weight: (i: number, o: number) => number): void {
  for (const o of cell.keys()) {
    for (const [i, value] of pixel.entries()) cell[o] = (cell[o] ?? 0) + value * weight(i, o);
  }
}

/** Batch norm at γ = 1, β = 0 over one image, then ReLU. */
function normRelu(y: Grid): number[] {
  const flat = y.flat(2);
  return flat.map((value, index) => {
    const channel = flat.filter((_, other) => other % OUTPUTS === index % OUTPUTS);
    const mean = channel.reduce((a, b) => a + b, 0) / channel.length;
    const variance = channel.reduce((a, b) => a + (b - mean) ** 2, 0) / channel.length;
    return Math.max(0, (value - mean) / Math.sqrt(variance + 1e-5));
  });
}

const forms: Readonly<
  Record<string, readonly [number, number, (x: Grid, k: number[][][][]) => Grid]>
> = {
  'twice the size: 3 × 3 of stride 2': [8, 4, (x, k) => convolution(x, k, 2, 1)],
  'half the size: transposed 4 × 4 of stride 2': [3, 6, transposed],
  'the same size: 1 × 1': [5, 5, (x, k) => convolution(x, k, 1, 0)],
  'a little larger: without padding': [7, 4, (x, k) => convolution(x, k, 1, 0)],
};

for (const [form, [from, to, convolve]] of Object.entries(forms)) {
  test(`${form}, then batch norm and ReLU`, (t) => {
    const pair = { student: { maps: [] }, teacher: { maps: [] }, classes: 2, images: 1 };
    const sites = createSites({ pair, classOfRow: Int32Array.of(0), seeds: { init: 3, data: 1 } });
    const shapes: readonly [Map3, Map3] = [
      [from, from, INPUTS],
      [to, to, OUTPUTS],
    ];
    const regress = createRegressor(sites.of('test').layers, 'regressor', ...shapes);
    const x = grid(from, INPUTS, (index) => Math.sin(1.7 * index + 0.3));
    const found = tf.tidy(() => regress(tf.tensor4d([x])).dataSync());
    const kernel = sites.built().trainable.get('distillers/test/regressor/kernel');
    const expected = normRelu(convolve(x, kernel?.variable.arraySync() as number[][][][]));
    t.is(found.length, to * to * OUTPUTS);
    for (const [index, value] of expected.entries()) {
      t.true(
        Math.abs((found[index] ?? NaN) - value) < 1e-4,
        `${index}: ${found[index]}, not ${value}`,
      );
    }
    sites.dispose();
  });
}
