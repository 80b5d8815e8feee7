import { digestJson } from './canonical.ts';
import type { Study } from './schema.ts';

/** A method of the sweep, and the one that its paired differences are taken against, by id. */
export type Comparison = { readonly method: string; readonly against: string };

type Method = NonNullable<Study['sweep']>['methods'][number];

/** The method that others are measured by; undefined in a study without a sweep. */
export function baselineOf({ sweep, report }: Study): string | undefined {
  return report.baseline ?? sweep?.methods[0]?.id;
}

/** All of a method but its name and its add-on. */
function withoutAddOn({ distillers, teacher }: Method): string {
  return digestJson({ distillers, teacher });
}

/** The method that is this one without its add-on: what tells the add-on's effect apart. */
function plainTwin(method: Method, methods: readonly Method[]): Method | undefined {
  if (method.vam === undefined) return undefined;
  const plain = withoutAddOn(method);
  return methods.find((other) => other.vam === undefined && withoutAddOn(other) === plain);
}

/**
 * The comparisons that a study asks for. Where it does not say: every method with the baseline, and
 * one that is another method with VAM on top with that other. Pure.
 */
export function comparisonsOf(study: Study): readonly Comparison[] {
  if (study.report.comparisons !== undefined) return study.report.comparisons;
  const methods = study.sweep?.methods ?? [];
  const baseline = baselineOf(study);
  return methods.flatMap((method) => {
    const others = [baseline, plainTwin(method, methods)?.id].filter((id) => id !== undefined);
    return [...new Set(others)]
      .filter((against) => against !== method.id)
      .map((against) => ({ method: method.id, against }));
  });
}
