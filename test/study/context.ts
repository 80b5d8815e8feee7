/** A plan's context, in which every part of the code has a digest of its own. */
import { DISTILLERS } from '../../distillers/registry.ts';
import { digestJson } from '../../study/canonical.ts';
import type { CodeIndex } from '../../study/code.ts';
import { DATASET_NAMES } from '../../study/datasets.ts';
import { MODEL_NAMES } from '../../study/models/models.ts';
import type { PlanContext } from '../../study/plan/plan.ts';

function table<Name extends string>(names: readonly Name[]): Record<Name, string> {
  return Object.fromEntries(names.map((name) => [name, digestJson(name)])) as Record<Name, string>;
}

export const code: CodeIndex = {
  kinds: table(['train', 'teach', 'evaluate', 'explain']),
  datasets: table(DATASET_NAMES),
  vam: 'vam',
  models: table(MODEL_NAMES),
  distillers: table(DISTILLERS.map(({ name }) => name)),
};

export const context: PlanContext = { datasetDigest: 'd', code };
