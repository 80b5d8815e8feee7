/**
 * Classifiers in files of ONNX, run by ONNX Runtime on the CPU, whatever device the study is for. It is
 * loaded where such a network is met, and nowhere else.
 */
import type { InferenceSession } from 'onnxruntime-node';

import { errorText, KdxError } from '../../leg/errors.ts';
import { sizesOf } from '../../study/datasets.ts';
import type { OnnxNetwork } from '../../study/spec.ts';
import type { LegSpec } from '../../study/spec.ts';
import type { Batch } from '../data/batch.ts';

/** A loaded network, and what it says of an input or output. */
export type OnnxSession = InferenceSession;
export type OnnxEnd = InferenceSession.ValueMetadata;

/** A classifier at work. */
export type OnnxClassifier = {
  readonly classes: number;
  /** Logits of one batch, row by row. */
  readonly logitsOf: (batch: Pick<Batch, 'count' | 'images'>) => Promise<Float32Array>;
  readonly dispose: () => Promise<void>;
};

const CHANNELS = 3;

/**
 * Loads a file of ONNX.
 *
 * @param place what messages call it
 * @throws KdxError DataMismatch where ONNX Runtime does not take it
 */
export async function openSession(
  bytes: Uint8Array,
  threads: number,
  place: string,
): Promise<InferenceSession> {
  const { InferenceSession: Sessions } = await import('onnxruntime-node');
  try {
    return await Sessions.create(bytes, {
      executionProviders: ['cpu'],
      // One operation at a time, as everywhere: the same sums in the same order.
      ...{ executionMode: 'sequential', intraOpNumThreads: threads, interOpNumThreads: 1 },
      logSeverityLevel: 3,
    });
  } catch (cause) {
    const message = `${place} is no network that ONNX Runtime takes: ${errorText(cause)}`;
    throw new KdxError('DataMismatch', message, { cause });
  }
}

/**
 * A classifier for the images of a dataset.
 *
 * @throws KdxError DataMismatch where it does not take them, or gives other than a logit a class
 */
export async function openClassifier(
  network: OnnxNetwork,
  { dataset, device }: Pick<LegSpec, 'dataset' | 'device'>,
  bytes: Uint8Array,
): Promise<OnnxClassifier> {
  const place = `network ${network.weights}`;
  const session = await openSession(bytes, device.threads, place);
  const { classes, imageSize } = sizesOf(dataset);
  return {
    classes,
    logitsOf: async ({ count, images }) => {
      const { batch = count } = network.onnx;
      const logits = new Float32Array(count * classes);
      for (let from = 0; from < count; from += batch) {
        const some = Math.min(batch, count - from);
        const shaped = inputOf(network, images, { from, some, batch, imageSize });
        const { input, output } = network.onnx;
        const call = { input, outputs: [output], images: shaped, place };
        const found = (await runOnce(session, call))[output]?.data as Float32Array;
        if (found.length !== batch * classes) {
          const message = `${place} gives ${found.length / batch} numbers an image; wanted ${classes}.`;
          throw new KdxError('DataMismatch', message);
        }
        logits.set(found.subarray(0, some * classes), from * classes);
      }
      return logits;
    },
    dispose: () => session.release(),
  };
}

/** Images as they go in. */
export type Shaped = { readonly values: Float32Array; readonly shape: readonly number[] };

/**
 * Runs a network once.
 *
 * @param place what messages call it
 * @throws KdxError DataMismatch where it does not take the images
 */
export async function runOnce(
  session: InferenceSession,
  of: {
    readonly input: string;
    readonly outputs: readonly string[];
    readonly images: Shaped;
    readonly place: string;
  },
): Promise<InferenceSession.ReturnType> {
  const { Tensor } = await import('onnxruntime-node');
  const { values, shape } = of.images;
  try {
    const feeds = { [of.input]: new Tensor('float32', values, shape) };
    return await session.run(feeds, [...of.outputs]);
  } catch (cause) {
    const message = `${of.place} does not take images of [${shape.join(', ')}]: ${errorText(cause)}`;
    throw new KdxError('DataMismatch', message, { cause });
  }
}

type Part = {
  /** First image, how many, and how many the network is given: those beyond are zero. */
  readonly from: number;
  readonly some: number;
  readonly batch: number;
  readonly imageSize: number;
};

/** Images as the network wants them: with its normalisation, and in its layout. */
function inputOf(
  { onnx: { layout }, inputs }: Pick<OnnxNetwork, 'onnx' | 'inputs'>,
  images: Float32Array,
  { from, some, batch, imageSize }: Part,
): Shaped {
  const pixels = imageSize ** 2;
  const values = new Float32Array(batch * pixels * CHANNELS);
  const { scale = [1, 1, 1], shift = [0, 0, 0] } = inputs ?? {};
  const isPlanar = layout === 'NCHW';
  for (let at = 0; at < some * pixels * CHANNELS; at += 1) {
    const channel = at % CHANNELS;
    const pixel = Math.floor(at / CHANNELS) % pixels;
    const image = Math.floor(at / (CHANNELS * pixels));
    const to = isPlanar ? (image * CHANNELS + channel) * pixels + pixel : at;
    const value = images[from * pixels * CHANNELS + at] as number;
    values[to] = value * (scale[channel] as number) + (shift[channel] as number);
  }
  const size = [imageSize, imageSize];
  const shape = isPlanar ? [batch, CHANNELS, ...size] : [batch, ...size, CHANNELS];
  return { values, shape };
}
