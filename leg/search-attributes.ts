/** What workflows can be found by (`temporal workflow list --query`), with the types of Temporal's CLI. */
export const SEARCH_ATTRIBUTES = {
  /** Name of the study; also of what it starts. */
  KdxStudy: 'Keyword',
  KdxDataset: 'Keyword',
  /** Of a trial: teacher, explain, sweep; train, teach, evaluate, explain. */
  KdxSection: 'Keyword',
  KdxKind: 'Keyword',
  KdxModel: 'Keyword',
  /** E.g. `KD`, as in the study. */
  KdxMethod: 'Keyword',
  /** complete, diverged, or the code of the failure. */
  KdxOutcome: 'Keyword',
  /** Test accuracy in percent; of a study, that of its best trial. */
  KdxTop1: 'Double',
} as const;

export type SearchAttribute = keyof typeof SEARCH_ATTRIBUTES;

/** Types as numbers of Temporal's API (`IndexedValueType`). */
export const INDEXED_TYPES = { Keyword: 2, Double: 4 } as const;

/** Those of ours that a namespace does not have, or has with another type. */
export function missingAttributes(
  there: Readonly<Record<string, unknown>>,
): readonly SearchAttribute[] {
  const names = Object.keys(SEARCH_ATTRIBUTES) as SearchAttribute[];
  return names.filter((name) => there[name] !== INDEXED_TYPES[SEARCH_ATTRIBUTES[name]]);
}
