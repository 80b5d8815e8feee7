import { readFile } from 'node:fs/promises';

import { encodeOnnx } from '../../formats/onnx.ts';
import { encodeGraphModel, encodeSavedModel } from '../../formats/tensorflow-graph.ts';
import type { Description } from '../../learning/export/description.ts';
import type { Check } from '../../learning/export/network.ts';
import { MODELS } from '../../study/models/registry.ts';
import type { ModelName } from '../../study/models/models.ts';
import type { Format } from './format.ts';
import { onnxModel } from './onnx.ts';
import { readme } from './readme.ts';
import type { About } from './subject.ts';
import { tensorflowGraph } from './tensorflow.ts';
import { torchNetwork, torchWeights } from './torch.ts';

/** Contents by the name of the file. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** A network to write, with what is known of it. */
export type Writing = {
  readonly description: Description;
  readonly check: Check;
  readonly about: About;
  /** By how much its logits differ from those of the network as it was trained. */
  readonly difference: number;
};

/** How images lie in each: [batch, height, width, channel], or the channel in front. */
const LAYOUTS = {
  safetensors: 'NCHW',
  tfjs: 'NHWC',
  onnx: 'NCHW',
  savedmodel: 'NHWC',
} as const satisfies Record<Format, string>;

const text = new TextEncoder();

function json(value: unknown): Uint8Array {
  return text.encode(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Facts as a file's own metadata, where that holds text alone. */
function asText(facts: object): Readonly<Record<string, string>> {
  const entries = Object.entries(facts).map(([name, value]) => {
    return [name, typeof value === 'string' ? value : JSON.stringify(value)] as const;
  });
  return Object.fromEntries(entries);
}

const WRITERS: Readonly<
  Record<Format, (writing: Writing, facts: object) => Promise<readonly [string, Uint8Array][]>>
> = {
  safetensors: async ({ description, about }, facts) => {
    const network = torchNetwork(description, MODELS[about.model as ModelName].family);
    const { operations } = network;
    return [
      ['model.safetensors', torchWeights(network, asText(facts))],
      ['network.json', json({ ...facts, operations })],
      ['load.py', await readFile(new URL('load.py', import.meta.url))],
    ];
  },
  tfjs: ({ description }, facts) => {
    const metadata = facts as Readonly<Record<string, unknown>>;
    const graph = tensorflowGraph(description, metadata);
    const { model, weights } = encodeGraphModel(graph, 'weights.bin');
    return Promise.resolve([
      ['model.json', json(model)],
      ['weights.bin', weights],
    ]);
  },
  onnx: ({ description, about }, facts) => {
    const documentation = `${about.model}, folded for inference; images are normalised`;
    const metadata = asText(facts);
    const model = onnxModel(description, { name: about.model, documentation, metadata });
    return Promise.resolve([
      ['model.onnx', encodeOnnx(model)],
      ['network.json', json(facts)],
    ]);
  },
  savedmodel: ({ description }, facts) =>
    Promise.resolve([
      ['saved_model.pb', encodeSavedModel(tensorflowGraph(description, {}))],
      ['network.json', json(facts)],
    ]),
};

/** All files of a format: the network, what it is, images with their logits, and how to use it. */
export async function filesOf(format: Format, writing: Writing): Promise<Files> {
  const { about, check, difference } = writing;
  const layout = LAYOUTS[format];
  const facts = {
    ...{ schema: 1, format, ...about },
    input: { name: 'images', layout, type: 'float32' },
    output: { name: 'logits' },
    checked: { images: check.shape[0], largestDifference: difference },
  };
  return new Map([
    ...(await WRITERS[format](writing, facts)),
    ['check.json', checkFile(check, layout)],
    ['README.md', text.encode(readme(format, about))],
  ]);
}

/** Images and the logits that the trained network gives for them. */
function checkFile({ shape, images, logits }: Check, layout: 'NCHW' | 'NHWC'): Uint8Array {
  const [count, height, width, channels] = shape;
  const classes = logits.length / count;
  const rows = Array.from({ length: count }, (_, image) =>
    [...logits.subarray(image * classes, (image + 1) * classes)].map(short),
  );
  const isOwn = layout === 'NHWC';
  const written = {
    layout,
    shape: isOwn ? shape : [count, channels, height, width],
    images: [...(isOwn ? images : channelsFirst(images, shape))],
    logits: rows,
  };
  return text.encode(`${JSON.stringify(written)}\n`);
}

/** As few digits as name a float32. */
function short(value: number): number {
  return Number(value.toPrecision(9));
}

function channelsFirst(images: Float32Array, [count, height, width, channels]: Check['shape']) {
  const pixels = height * width;
  const moved = new Float32Array(images.length);
  for (let at = 0; at < count * pixels * channels; at += 1) {
    const channel = at % channels;
    const pixel = Math.floor(at / channels) % pixels;
    const image = Math.floor(at / (channels * pixels));
    moved[(image * channels + channel) * pixels + pixel] = images[at] as number;
  }
  return moved;
}
