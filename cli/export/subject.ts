import { KdxError } from '../../leg/errors.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import type { DatasetInfo } from '../../study/catalog.ts';
import type { DatasetManifest } from '../../study/dataset-manifest.ts';
import { infoOf, isRegistered } from '../../study/datasets.ts';
import { networkOf } from '../../study/evaluation.ts';
import type { LegSpec, Trained } from '../../study/spec.ts';
import type { FoundTrial } from './find.ts';

/** The network of a trial, and what it is. */
export type Subject = {
  readonly trained: Trained;
  readonly dataset: LegSpec['dataset'];
  readonly about: About;
};

/** What travels with every exported file. */
export type About = {
  readonly model: string;
  readonly classNames: readonly string[];
  readonly imageSize: number;
  /** (pixel − mean) / sd by channel, of pixels in [0, 1]. */
  readonly normalisation: {
    readonly preset: string;
    readonly mean: readonly number[];
    readonly sd: readonly number[];
  };
  /** Digest of the manifest of the dataset. */
  readonly dataset: { readonly name: string; readonly digest: string };
  readonly trial?: { readonly id: string; readonly study: string };
  readonly key: string;
  /** Digest of its weights in the store: those before folding. */
  readonly weights: string;
  /** Digest of the source files that computed it, and the commit that they were of. */
  readonly code: { readonly digest: string; readonly commit?: string };
  /** What it had on top, and is folded into its kernels. */
  readonly folded: readonly string[];
  readonly metrics: Readonly<Record<string, number>>;
};

/**
 * What a trial has to export.
 *
 * @throws KdxError SpecInvalid where it left no network; DataMismatch where the store lacks its dataset
 */
export async function subjectOf(
  store: Pick<ArtifactStore, 'getBlob'>,
  { key, result, run }: FoundTrial,
): Promise<Subject> {
  const { spec, metrics } = result;
  const trained = trainedBy({ key, result });
  const { name, digest, preset } = spec.dataset;
  const { classNames, imageSize, presets } = await infoIn(store, spec.dataset);
  const { mean = [], std: sd = [] } = presets[preset] ?? {};
  const { commit } = run ?? {};
  return {
    trained,
    dataset: spec.dataset,
    about: {
      ...{ model: trained.model.name, classNames, imageSize },
      normalisation: { preset, mean, sd },
      dataset: { name, digest },
      ...(run === undefined ? {} : { trial: { id: run.trial, study: run.study } }),
      ...{ key, weights: trained.weights },
      code: { digest: spec.code, ...(commit === undefined ? {} : { commit }) },
      folded: [...(trained.vam === undefined ? [] : ['VAM']), 'batch norm behind convolutions'],
      metrics,
    },
  };
}

function trainedBy({ key, result }: Pick<FoundTrial, 'key' | 'result'>): Trained {
  const { spec, status, files } = result;
  if (status !== 'complete') throw refusal(`${key} diverged and left no network`);
  if (spec.kind === 'evaluate' && !('onnx' in spec.network)) return spec.network;
  const { weights } = files;
  if (spec.kind === 'train' && weights !== undefined) return networkOf(spec, weights.digest);
  const what = NOT_EXPORTED[spec.kind];
  throw refusal(`${key} is ${what}; allowed: a training, or the evaluation of one`);
}

const NOT_EXPORTED: Readonly<Record<LegSpec['kind'], string>> = {
  teach: "a teacher's logits, no network",
  explain: 'an explanation, no network',
  evaluate: 'the evaluation of a network that came as a file of ONNX',
  train: 'a training without weights',
};

function refusal(message: string): KdxError {
  return new KdxError('SpecInvalid', message);
}

async function infoIn(
  store: Pick<ArtifactStore, 'getBlob'>,
  { name, digest }: LegSpec['dataset'],
): Promise<DatasetInfo> {
  if (isRegistered(name)) return infoOf({ name });
  const bytes = await store.getBlob(digest);
  const { info } = JSON.parse(new TextDecoder().decode(bytes)) as DatasetManifest;
  return infoOf({ name, ...(info === undefined ? {} : { info }) });
}
