/** Files of ONNX for tests, written node by node. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

import { encodeOnnx, type OnnxModel } from '../../../formats/onnx.ts';
import { stream } from '../../../learning/engine/random.ts';
import { folder } from '../dataset/archives.ts';

function constant(name: string, shape: readonly number[]) {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = stream(1, name).normal(count);
  return [name, { shape, values: values.map((value) => value * 0.3) }] as const;
}

const CLASSES = 10;

/** A convolution of stride 2, a mean over its map and a matrix: no network of this project. */
export function tinyModel(changes: Partial<OnnxModel> = {}): OnnxModel {
  return {
    ...{ name: 'tiny', documentation: '', metadata: {} },
    nodes: [
      {
        ...{ name: 'c', operation: 'Conv', inputs: ['x', 'kernel'], outputs: ['c'] },
        attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
      },
      { name: 'r', operation: 'Relu', inputs: ['c'], outputs: ['r'] },
      {
        ...{ name: 'm', operation: 'ReduceMean', inputs: ['r'], outputs: ['m'] },
        attributes: { axes: [2, 3], keepdims: 0 },
      },
      { name: 'y', operation: 'Gemm', inputs: ['m', 'matrix', 'bias'], outputs: ['y'] },
    ],
    constants: new Map([
      constant('kernel', [8, 3, 3, 3]),
      constant('matrix', [8, CLASSES]),
      constant('bias', [CLASSES]),
    ]),
    input: { name: 'x', shape: ['n', 3, 'h', 'w'] },
    output: { name: 'y', shape: ['n', CLASSES] },
    ...changes,
  };
}

/** Writes a model into a folder of the test's own; gives its path. */
export async function onnxFile(t: ExecutionContext, model: OnnxModel): Promise<string> {
  const path = join(await folder(t), 'net.onnx');
  await writeFile(path, encodeOnnx(model));
  return path;
}
