import { KdxError } from '../../leg/errors.ts';
import { exportNetwork, runSavedModel, type Check } from '../../learning/export/network.ts';
import { loadNetwork } from '../../learning/networks.ts';
import { encodeSavedModel } from '../../formats/tensorflow-graph.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { filesOf, type Files } from './files.ts';
import type { Format } from './format.ts';
import type { Subject } from './subject.ts';
import { tensorflowGraph } from './tensorflow.ts';

/** What was written, and by how much its logits differ from those of the network as it was trained. */
export type Exported = { readonly files: Files; readonly difference: number };

/** Largest difference of a logit that is exported. */
export const TOLERANCE = 1e-4;

/**
 * The files of an exported network. Whatever the format, the graph that they are written from is first
 * run by TensorFlow without any operation of ours, and compared with the network as it was trained.
 *
 * @throws KdxError SpecInvalid for an explainer with soft gates; CodeBug where the logits differ
 */
export async function exportTrial(
  store: Pick<ArtifactStore, 'getBlob'>,
  { trained, dataset, about }: Subject,
  format: Format,
): Promise<Exported> {
  const loaded = loadNetwork(trained, dataset, await store.getBlob(trained.weights));
  try {
    const { description, check } = exportNetwork(loaded, trained.inputs);
    const graph = tensorflowGraph(description, {});
    const difference = distance(check, runSavedModel(encodeSavedModel(graph), check));
    if (!(difference <= TOLERANCE)) {
      const message = `The exported network differs by ${difference} in a logit; allowed: ${TOLERANCE}.`;
      throw new KdxError('CodeBug', message);
    }
    return { files: await filesOf(format, { description, check, about, difference }), difference };
  } finally {
    loaded.network.dispose();
  }
}

/** Relative to the largest logit where that is more than 1. */
function distance({ logits }: Check, found: Float32Array): number {
  const most = (values: Float32Array): number =>
    values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const apart = logits.map((value, at) => value - (found[at] ?? Number.NaN));
  if (found.length !== logits.length || apart.some(Number.isNaN)) return Number.NaN;
  return most(apart) / Math.max(1, most(logits));
}
