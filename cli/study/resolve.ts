import { KdxError } from '../../leg/errors.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { requireManifest } from '../../stores/datasets.ts';
import { pinStudy } from '../../stores/teachers.ts';
import type { DatasetInfo } from '../../study/catalog.ts';
import { manifestDigest, type DatasetManifest } from '../../study/dataset-manifest.ts';
import { isPending, problemsText, resolveStudy } from '../../study/resolve.ts';
import type { Study } from '../../study/schema.ts';

/** A study and the dataset that it names, as a store has it. */
export type WithDataset = {
  readonly study: Study;
  readonly datasetDigest: string;
  readonly manifest: DatasetManifest;
};

/** Reads a study as far as that goes without a store. @throws KdxError SpecInvalid with all that is wrong */
export function resolveInput(input: unknown, info?: DatasetInfo): Study {
  const resolution = resolveStudy(input, info);
  if (resolution.ok) return resolution.study;
  throw new KdxError('SpecInvalid', problemsText(resolution.problems));
}

/**
 * Reads a study whose dataset, and whose teachers from elsewhere, are in a store.
 * @throws KdxError SpecInvalid, DataMismatch where the store lacks the dataset, ObjectStore
 */
export async function resolveWithStore(
  store: Pick<ArtifactStore, 'getJson' | 'getBlob' | 'location'>,
  input: unknown,
): Promise<WithDataset> {
  const written = resolveInput(input);
  const manifest = await requireManifest(store, written.dataset.name);
  const known = isPending(written) ? resolveInput(input, manifest.info) : written;
  const study = await pinStudy(store, known);
  return { study, manifest, datasetDigest: manifestDigest(manifest) };
}
