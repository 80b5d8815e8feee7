import { recogniseNetwork } from '../../learning/exchange/recognise.ts';
import { encodeTensors } from '../../learning/engine/safetensors.ts';
import { sha256, type ArtifactStore } from '../../stores/artifacts.ts';
import { publishTeacher } from '../../stores/teachers.ts';
import type { ChannelMoments, ImportedTeacher } from '../../study/imported-teacher.ts';
import type { ModelName } from '../../study/models/models.ts';
import { readWeightsFile } from './file.ts';

export type AddOptions = {
  /** What the network has to be; found by its tensors when absent. */
  readonly model?: ModelName;
  /** Where a checkpoint keeps the weights; the usual places when absent. */
  readonly key?: string;
  readonly normalisation?: ChannelMoments;
};

/** What was stored: digest of the manifest, and what it says. */
export type AddedTeacher = {
  readonly digest: string;
  readonly model: ModelName;
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
  { model: wanted, key, normalisation }: AddOptions = {},
): Promise<AddedTeacher> {
  const file = await readWeightsFile(path, key);
  const { model, classes, names, tensors } = recogniseNetwork(file.tensors, wanted, path);
  const { format, bytes } = file;
  const source = { format, names, digest: sha256(bytes), bytes: bytes.length };
  const layout = 'NHWC, HWIO; flattened maps: channel outermost';
  const weights = encodeTensors({ tensors, metadata: { layout, model } });
  const facts: Omit<ImportedTeacher, 'schema' | 'weights'> = {
    ...{ model: { name: model }, classes, source },
    ...(normalisation === undefined ? {} : { normalisation }),
  };
  return { digest: await publishTeacher(store, name, weights, facts), model, classes };
}
