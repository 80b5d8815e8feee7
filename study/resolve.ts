import type { z } from 'zod';
import type { DatasetInfo } from './catalog.ts';
import { isRegistered } from './datasets.ts';
import { withProtocol, type Filled } from './protocols.ts';
import { ruleProblems, type Problem } from './rules.ts';
import { studySchema, type Study } from './schema.ts';
import { allowedText, foundText } from './wording.ts';

export { absentDataset, isPending, type Problem } from './rules.ts';

/** A study with its defaults, or everything that is wrong with it. */
export type Resolution =
  | { readonly ok: true; readonly study: Study }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads what a user wrote: fills the defaults, refuses unknown fields and impossible combinations.
 * Every problem names its JSON path, the value found and what is allowed. Pure.
 *
 * @param info what the study's dataset is, of one that is not registered: without it the resolution is
 *   pending (`isPending`), and whatever follows from the dataset is not yet checked
 */
export function resolveStudy(input: unknown, info?: DatasetInfo): Resolution {
  const filled = withProtocol(input);
  const parsed = studySchema.safeParse(filled.input);
  if (!parsed.success) {
    const found = parsed.error.issues.map((issue) => problemOf(issue, filled.input));
    // One value may break several bounds; the last is the closest.
    const closest = [...new Map(found.map((problem) => [problem.path, problem])).values()];
    return { ok: false, problems: asWritten(closest, filled) };
  }
  const study = withInfo(parsed.data, info);
  const problems = ruleProblems(study);
  return problems.length === 0
    ? { ok: true, study }
    : { ok: false, problems: asWritten(problems, filled) };
}

/** Problems by the places of what a user wrote: a protocol's exceptions stand in front of it. */
function asWritten(problems: readonly Problem[], { exceptions }: Filled): readonly Problem[] {
  const shifted = (path: string): string =>
    path.replace(/^(\$\.sweep\.exceptions)\[(\d+)\]/, (_, list: string, at: string) => {
      return `${list}[${Number(at) - exceptions}]`;
    });
  return problems.map(({ path, message }) => ({ path: shifted(path), message }));
}

function withInfo(study: Study, info: DatasetInfo | undefined): Study {
  if (info === undefined || isRegistered(study.dataset.name)) return study;
  return { ...study, dataset: { ...study.dataset, info } };
}

/** All problems as one message, for an error that leaves the process. */
export function problemsText(problems: readonly Problem[]): string {
  return problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

/** `['sweep', 'methods', 0]` → `$.sweep.methods[0]`. */
function jsonPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
    '$',
  );
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined,
    input,
  );
}

/** What is wrong with a value of `input`, by its JSON path. */
export function problemOf(issue: z.core.$ZodIssue, input: unknown): Problem {
  const path = jsonPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return { path: `${path}.${issue.keys.join(`, ${path}.`)}`, message: 'unknown field' };
  }
  const found = foundText(valueAt(input, issue.path));
  return { path, message: `found ${found}; allowed: ${allowedText(issue)}` };
}
