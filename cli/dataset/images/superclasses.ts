import { readFile } from 'node:fs/promises';

import { errorText, KdxError } from '../../../leg/errors.ts';
import type { DatasetInfo } from '../../../study/catalog.ts';

/**
 * Reads groups of classes from a JSON file: `{ "animals": ["cat", "dog"], … }`, every class in one.
 * @throws KdxError `DataMismatch` naming the file, the class and what is allowed
 */
export async function superclassesOf(
  path: string | undefined,
  classNames: readonly string[],
): Promise<DatasetInfo['superclasses']> {
  if (path === undefined) return undefined;
  const refuse = (problem: string): never => {
    throw new KdxError('DataMismatch', `${path}: ${problem}`);
  };
  const text = await readFile(path, 'utf8').catch((cause: unknown) =>
    refuse(`cannot be read: ${errorText(cause)}`),
  );
  const groups = parse(text, refuse);
  const seen = new Set<string>();
  const superclasses = Object.entries(groups).map(([name, members]) => ({
    name,
    classes: members.map((member) => {
      const label = classNames.indexOf(member);
      if (label < 0) refuse(`${name} has ${member}; allowed: classes of the dataset`);
      if (seen.has(member)) refuse(`${member} is in two groups; allowed: each class in one`);
      seen.add(member);
      return label;
    }),
  }));
  const missing = classNames.find((className) => !seen.has(className));
  if (missing !== undefined) refuse(`${missing} is in no group; allowed: each class in one`);
  return superclasses;
}

function parse(
  text: string,
  refuse: (problem: string) => never,
): Readonly<Record<string, readonly string[]>> {
  const allowed = 'allowed: {"<group>": ["<class>", …], …}';
  try {
    const value: unknown = JSON.parse(text);
    const isGroups =
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every(
        (members) => Array.isArray(members) && members.every((name) => typeof name === 'string'),
      );
    return isGroups ? (value as Record<string, string[]>) : refuse(`is something else; ${allowed}`);
  } catch (cause) {
    if (cause instanceof KdxError) throw cause;
    return refuse(`is no JSON: ${errorText(cause)}; ${allowed}`);
  }
}
