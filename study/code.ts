import { digestJson } from './canonical.ts';
import type { ModelName } from './models/models.ts';
import { isRegistered, type DatasetName } from './datasets.ts';
import type { LegSpec, Teaching, Trained } from './spec.ts';

/**
 * Digests of the source files that compute a leg, part by part, each over all that the part makes run
 * (`learning/code.ts`). Written by `kdx up` and at image build to `learning/code.json`; a leg compares
 * its own build with it before it starts.
 */
export type CodeIndex = {
  /** By kind of leg: its loops, the engine, readers, C++, and the version of tfjs. */
  readonly kinds: Readonly<Record<LegSpec['kind'], string>>;
  readonly models: Readonly<Record<ModelName, string>>;
  readonly vam: string;
  readonly distillers: Readonly<Record<string, string>>;
  readonly datasets: Readonly<Record<DatasetName, string>>;
};

/** The parts of the code one leg is computed by. */
export type CodeUse = {
  readonly dataset: string;
  readonly models: readonly ModelName[];
  readonly distillers?: readonly string[];
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
    kind: index.kinds[use.kind],
    // Another one is its manifest alone, whose digest the spec names.
    dataset: isRegistered(use.dataset) ? index.datasets[use.dataset] : undefined,
    vam: use.vam === true ? index.vam : undefined,
    models: pick(use.models, index.models),
    distillers: pick(use.distillers ?? [], index.distillers),
  });
}

/** The parts of the code that a spec is computed by. */
export function codeUseOf(spec: LegSpec): CodeUse {
  const teacher = namesOf(spec.teacher);
  const {
    kind,
    dataset: { name: dataset },
  } = spec;
  const common = { kind, dataset };
  switch (spec.kind) {
    case 'train':
      return {
        ...common,
        models: [spec.model.name, ...(spec.teacher?.logits === undefined ? teacher : [])],
        distillers: spec.distillers.map(({ name }) => name),
        vam: spec.vam !== undefined,
      };
    case 'teach':
      return { ...common, models: teacher };
    case 'evaluate': {
      const { answering, vam }: Partial<Trained> = 'onnx' in spec.network ? {} : spec.network;
      return {
        ...common,
        models: [...namesOf(spec.network), ...teacher],
        distillers: answering === undefined ? [] : [answering.distiller.name],
        vam: vam !== undefined,
      };
    }
    case 'explain':
      return {
        ...common,
        models: [spec.soft.model.name, ...teacher],
        distillers: spec.distillers.map(({ name }) => name),
      };
  }
}

/** The models whose code a network is of: none of ONNX. */
function namesOf(network: Teaching | undefined): readonly ModelName[] {
  return network === undefined || 'onnx' in network ? [] : [network.model.name];
}
