import { decodeFile } from '../../learning/data/records.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { publishDataset, type DatasetFiles } from '../../stores/datasets.ts';
import { EXPECTED_FILES } from '../../study/dataset-manifest.ts';
import type { ArchivedDataset } from './published.ts';
import { checkContent, type ContentFile } from './content.ts';
import { readSource } from './source.ts';

/** What was stored: the digest of its manifest, which every spec names, and the number of images. */
export type AddedDataset = { readonly digest: string; readonly images: number };

/**
 * Puts a dataset into a store, where every worker finds it by name and every leg by digest. Nothing is
 * stored before everything is checked: of an archive every byte, of a folder what can be known of its
 * content (`checkContent`). The name is written last, so an interrupted call changes nothing.
 *
 * @throws KdxError `DataMismatch` naming the file, what was found and what is wanted
 */
export async function addDataset(
  store: Pick<ArtifactStore, 'putBlob' | 'putLatest'>,
  name: ArchivedDataset,
  source: string,
): Promise<AddedDataset> {
  const { kind, files } = await readSource(name, source);
  const sets = decodeFiles(name, files);
  if (kind === 'folder') checkContent(name, sets);
  const digest = await publishDataset(store, name, files);
  return { digest, images: sets.reduce((sum, { count }) => sum + count, 0) };
}

/** Decodes the files of a dataset, whose sizes are right. @throws KdxError `DataMismatch` for a label */
export function decodeFiles(name: ArchivedDataset, files: DatasetFiles): readonly ContentFile[] {
  return EXPECTED_FILES[name].map(({ name: file, role, records }) => {
    const bytes = files.get(file) as Uint8Array;
    return { file, role, bytes, ...decodeFile({ name }, { name: file, records }, bytes) };
  });
}
