/** Settings by name, as a study has them: numbers, lists, groups of more settings. */
export type Settings = Readonly<Record<string, unknown>>;

export function isGroup(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The settings of `base`, with what is given in place of its own; groups of settings member by member. */
export function replaced(base: Settings, given: Settings): Settings {
  const changed = Object.entries(given).map(([name, value]): [string, unknown] => {
    const before = base[name];
    return [name, isGroup(before) && isGroup(value) ? replaced(before, value) : value];
  });
  return { ...base, ...Object.fromEntries(changed) };
}
