/**
 * Host memory of a leg in MiB, from the shapes of its networks. A leg that is given less than it needs
 * dies late; one that is given much more keeps others from its host. Measured peaks of small and large
 * legs lie between 0.7 and 0.95 of these figures (docs/performance.md, "Memory of a leg").
 */
import { infoOf } from '../datasets.ts';
import { activationValuesOf, kernelValuesOf } from '../models/family.ts';
import { outlineOf } from '../models/models.ts';
import type { OnnxFacts } from '../onnx-facts.ts';
import type { TeacherModel } from './teacher-model.ts';
import type { ModelSpec, Study } from '../schema.ts';

const MIB = 1024 ** 2;
const BYTES_A_VALUE = 4;
const CHANNELS = 3;
/** Node, TensorFlow and its libraries; on a GPU those of CUDA too, which no machine of ours has measured. */
const PROCESS_MIB = { cpu: 600, cuda: 4096 } as const;
/** The dataset as its files hold it, and decoded. */
const DATA_COPIES = 2;
/**
 * Of every layer's output a step keeps what batch norm and ReLU made of it as well, and has the gradient
 * on its way back; batches that wait and the allocator's slack come on top.
 */
const ACTIVATIONS_A_STEP = 6;
/** A forward pass frees most of its layers on the way. */
const ACTIVATIONS_A_PASS = 2.5;
/**
 * Weights, their gradients, velocities or both moments, on the host and in the recorded graph; what the
 * check of a recording holds of before and after a step; and what a checkpoint encodes.
 */
const KERNELS_A_STEP = 18;
const KERNELS_A_PASS = 2;
/** A request is a round number. */
const STEP_MIB = 64;
/** Images of a batch that is only predicted; more than any loop takes. */
const PREDICTED = 128;
/** Images of a batch that class gradients are taken of. */
const EXPLAINED = 64;

type Site = Pick<Study, 'device' | 'dataset'>;

/** A training with as many images a step; a teacher that runs beside it makes forward passes only. */
export function trainingMemoryMiB(
  site: Site,
  model: ModelSpec,
  batch: number,
  teacher: TeacherModel | undefined,
): number {
  const step = stepBytes(site, model, batch);
  const passes = teacher === undefined ? 0 : passBytes(site, teacher, batch);
  return request(site, Math.max(step + passes, passBytes(site, model, PREDICTED)));
}

/** Networks that are only run: an evaluation, or a teacher that is asked once. */
export function predictionMemoryMiB(site: Site, models: readonly TeacherModel[]): number {
  return request(site, sum(models.map((model) => passBytes(site, model, PREDICTED))));
}

/** An explanation: class gradients of the explainer, beside its teacher. */
export function explanationMemoryMiB(
  site: Site,
  model: ModelSpec,
  teacher: TeacherModel | undefined,
): number {
  const passes = teacher === undefined ? 0 : passBytes(site, teacher, PREDICTED);
  return request(site, passes + stepBytes(site, model, EXPLAINED));
}

/** Where a GPU holds the tensors, the host has only those of the weights. */
function stepBytes(site: Site, model: ModelSpec, images: number): number {
  return bytesOf(site, model, images * ACTIVATIONS_A_STEP, KERNELS_A_STEP);
}

function passBytes(site: Site, model: TeacherModel, images: number): number {
  if ('onnx' in model) return onnxBytes(model.onnx, images);
  return bytesOf(site, model, images * ACTIVATIONS_A_PASS, KERNELS_A_PASS);
}

/** ONNX Runtime computes on the host, and holds the file beside the weights that it made of it. */
function onnxBytes({ parameters, activations }: OnnxFacts, images: number): number {
  const values = images * ACTIVATIONS_A_PASS * activations;
  return BYTES_A_VALUE * (values + (KERNELS_A_PASS + 1) * parameters);
}

function bytesOf(
  { device, dataset }: Site,
  { name, ...options }: ModelSpec,
  activations: number,
  kernels: number,
): number {
  const outline = outlineOf({ name, ...options }, infoOf(dataset));
  const onHost = device.kind === 'cpu' ? activations * activationValuesOf(outline) : 0;
  return BYTES_A_VALUE * (onHost + kernels * kernelValuesOf(outline));
}

function request({ device, dataset }: Site, bytes: number): number {
  const { trainImages, testImages, imageSize } = infoOf(dataset);
  const data = DATA_COPIES * (trainImages + testImages) * imageSize ** 2 * CHANNELS;
  const needed = PROCESS_MIB[device.kind] + (data + bytes) / MIB;
  return Math.ceil(needed / STEP_MIB) * STEP_MIB;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
