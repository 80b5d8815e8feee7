import { digestJson } from './canonical.ts';
import type { DistillerName } from './catalog.ts';
import type { ModelName } from './models/models.ts';
import type { LegSpec } from './spec.ts';

/**
 * Digests of the source files that compute a leg, written by `kdx up` and at image build to
 * `learning/code.json`, recomputed by every leg before it starts.
 */
export type CodeIndex = {
  /** Engine, loops, evaluation, checkpoints, and the versions of tfjs and TensorFlow. */
  readonly core: string;
  /** Readers, split, augmentation, batches. */
  readonly data: string;
  /** What turns stored weights into an evaluation or an explanation. */
  readonly evaluate: string;
  readonly explain: string;
  /** What computes a teacher's logits beforehand. */
  readonly teach: string;
  readonly vam: string;
  readonly models: Readonly<Record<ModelName, string>>;
  readonly distillers: Readonly<Record<DistillerName, string>>;
};

/** The parts of the code one leg is computed by. */
export type CodeUse = {
  readonly models: readonly ModelName[];
  readonly distillers?: readonly DistillerName[];
  readonly vam?: boolean;
  readonly kind: LegSpec['kind'];
};

/**
 * The `code` of a leg: a digest of exactly what computes it, so that a new distiller or model,
 * a document or a chart retrains nothing.
 */
export function codeOf(index: CodeIndex, use: CodeUse): string {
  const pick = <Name extends string>(
    names: readonly Name[],
    table: Readonly<Record<Name, string>>,
  ) => Object.fromEntries([...new Set(names)].map((name) => [name, table[name]]));
  return digestJson({
    core: index.core,
    data: index.data,
    evaluate: use.kind === 'evaluate' || use.kind === 'explain' ? index.evaluate : undefined,
    explain: use.kind === 'explain' ? index.explain : undefined,
    teach: use.kind === 'teach' ? index.teach : undefined,
    vam: use.vam === true ? index.vam : undefined,
    models: pick(use.models, index.models),
    distillers: pick(use.distillers ?? [], index.distillers),
  });
}

/** The parts of the code that a spec is computed by. */
export function codeUseOf(spec: LegSpec): CodeUse {
  const teacher = spec.teacher === undefined ? [] : [spec.teacher.model.name];
  switch (spec.kind) {
    case 'train':
      return {
        kind: 'train',
        models: [spec.model.name, ...(spec.teacher?.logits === undefined ? teacher : [])],
        distillers: spec.distillers.map(({ name }) => name),
        vam: spec.vam !== undefined,
      };
    case 'teach':
      return { kind: 'teach', models: teacher };
    case 'evaluate':
      return {
        kind: 'evaluate',
        models: [spec.network.model.name, ...teacher],
        vam: spec.network.vam !== undefined,
      };
    case 'explain':
      return { kind: 'explain', models: [spec.soft.model.name, ...teacher] };
  }
}
