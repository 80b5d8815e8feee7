import type { ModelName } from '../models/models.ts';
import type { OnnxFacts } from '../onnx-facts.ts';
import type { ModelSpec } from '../schema.ts';

/** What teaches: a network of this project, or a classifier from elsewhere. */
export type TeacherModel = ModelSpec | { readonly onnx: OnnxFacts };

/** The models whose code runs: none of an ONNX network. */
export function codeModels(models: readonly (TeacherModel | undefined)[]): readonly ModelName[] {
  return models.flatMap((model) => {
    return model === undefined || 'onnx' in model ? [] : [model.name];
  });
}
