import { kernelValuesOf, multiplyAddsOf, type MapShape } from '../study/models/family.ts';
import { MODEL_NAMES, outlineOf, type ModelName } from '../study/models/models.ts';
import { MODELS } from '../study/models/registry.ts';
import { inColumns } from './columns.ts';

/** A model as `kdx list models` shows it. */
export type ListedModel = {
  readonly name: ModelName;
  readonly isExplainer: boolean;
  /** Values in the kernels of convolutions and linear layers: nearly all of the parameters. */
  readonly kernelValues: number;
  /** Of one forward pass of one image. */
  readonly multiplyAdds: number;
  /** f0, f1, … that distillers read; none of an explainer. */
  readonly maps: readonly MapShape[];
  readonly embedding: number | null;
};

/** What the figures are for: CIFAR-10. */
const SIZES = { classes: 10, imageSize: 32 } as const;
const MEGA = 1e6;

/** Every model that a study may name, on images of 32 × 32 pixels and ten classes. */
export function listModels(): readonly ListedModel[] {
  return MODEL_NAMES.map((name) => {
    const outline = outlineOf({ name }, SIZES);
    const { maps, embedding = null } = outline.features;
    return {
      ...{ name, isExplainer: MODELS[name].isExplainer },
      kernelValues: kernelValuesOf(outline),
      multiplyAdds: multiplyAddsOf(outline),
      ...{ maps, embedding },
    };
  });
}

/** A table: name, weights and multiply-adds in millions, maps and embedding. */
export function modelLines(models: readonly ListedModel[]): readonly string[] {
  const rows = models.map(({ name, isExplainer, kernelValues, multiplyAdds, maps, embedding }) => {
    const shapes = [...maps.map((map) => map.join('×')), String(embedding ?? '')].join(', ');
    return [
      name,
      (kernelValues / MEGA).toFixed(2),
      (multiplyAdds / MEGA).toFixed(1),
      isExplainer ? 'a tree of experts' : shapes,
    ];
  });
  const head = ['model', 'weights, M', 'multiply-adds, M', 'f0, f1, …, embedding at 32×32'];
  return inColumns([head, ...rows]);
}
