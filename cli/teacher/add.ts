import { recogniseNetwork } from '../../learning/exchange/recognise.ts';
import { encodeTensors } from '../../learning/engine/safetensors.ts';
import { KdxError } from '../../leg/errors.ts';
import { sha256, type ArtifactStore } from '../../stores/artifacts.ts';
import { publishTeacher, type TeacherFacts } from '../../stores/teachers.ts';
import type { ChannelMoments } from '../../study/imported-teacher.ts';
import type { ModelName } from '../../study/models/models.ts';
import { readBytes, readWeights } from './file.ts';
import { describeOnnx, looksLikeOnnx, type OnnxOptions } from './onnx.ts';

export type AddOptions = OnnxOptions & {
  /** What the network has to be; found by its tensors when absent. */
  readonly model?: ModelName;
  /** Where a checkpoint keeps the weights; the usual places when absent. */
  readonly key?: string;
  readonly normalisation?: ChannelMoments;
};

/** What was stored: digest of the manifest, and what it says. */
export type AddedTeacher = {
  readonly digest: string;
  /** `ONNX` of a network that is run as it is. */
  readonly model: ModelName | 'ONNX';
  readonly classes: number;
};

/**
 * Puts a teacher that was trained elsewhere into a store. Nothing is stored before all is checked, and
 * the name comes last. Nothing in the file is run.
 *
 * @throws KdxError `DataMismatch` naming the file, what was found and what is wanted
 */
export async function addTeacher(
  store: Pick<ArtifactStore, 'putBlob' | 'putLatest'>,
  name: string,
  path: string,
  options: AddOptions = {},
): Promise<AddedTeacher> {
  const bytes = await readBytes(path);
  if (looksLikeOnnx(bytes)) return addOnnx(store, name, { path, bytes }, options);
  const { model: wanted, key, normalisation } = options;
  requireUnused(path, 'layout', options.layout, 'PyTorch or safetensors');
  const file = readWeights(bytes, path, key);
  const { model, classes, names, tensors } = recogniseNetwork(file.tensors, wanted, path);
  const { format } = file;
  const source = { format, names, digest: sha256(bytes), bytes: bytes.length };
  const layout = 'NHWC, HWIO; flattened maps: channel outermost';
  const weights = encodeTensors({ tensors, metadata: { layout, model } });
  const facts: TeacherFacts = {
    ...{ model: { name: model }, classes, source },
    ...(normalisation === undefined ? {} : { normalisation }),
  };
  return { digest: await publishTeacher(store, name, weights, facts), model, classes };
}

/** The file itself is what is stored. */
async function addOnnx(
  store: Pick<ArtifactStore, 'putBlob' | 'putLatest'>,
  name: string,
  { path, bytes }: { readonly path: string; readonly bytes: Uint8Array },
  { model, key, normalisation, layout }: AddOptions,
): Promise<AddedTeacher> {
  requireUnused(path, 'model', model, 'ONNX');
  requireUnused(path, 'key', key, 'ONNX');
  const found = await describeOnnx(bytes, path, layout === undefined ? {} : { layout });
  const digest = sha256(bytes);
  const facts: TeacherFacts = {
    ...found,
    source: { format: 'onnx', names: 'ONNX', digest, bytes: bytes.length },
    ...(normalisation === undefined ? {} : { normalisation }),
  };
  const manifest = await publishTeacher(store, name, bytes, facts);
  return { digest: manifest, model: 'ONNX', classes: found.classes };
}

function requireUnused(path: string, option: string, value: unknown, format: string): void {
  if (value === undefined) return;
  const message = `${path} is a file of ${format}: --${option} says nothing of it; allowed: without`;
  throw new KdxError('DataMismatch', message);
}
