/** What a pickle may name: `module name`, as in `torch FloatStorage`. */
export type PickleGlobal = {
  readonly module: string;
  readonly name: string;
  readonly allowed: Allowed;
};

/**
 * What a name of a pickle stands for. One with neither function is a mere mark, to be looked at. What
 * the functions throw becomes a refusal of the pickle.
 */
export type Allowed = {
  /** What calling it with these arguments gives. */
  readonly call?: (args: readonly unknown[]) => unknown;
  /** Takes the state of an object that `call` made (`__setstate__`), and returns the object. */
  readonly build?: (value: unknown, state: unknown) => unknown;
};

export type PickleRules = {
  /** The meaning of a name; undefined refuses the pickle. */
  readonly allow: (module: string, name: string) => Allowed | undefined;
  /** What the file keeps outside of the pickle under an id; absent refuses every such id. */
  readonly persistent?: (id: unknown) => unknown;
};

/** Whether a value is a name that the pickle holds without having called it. */
export function isPickleGlobal(value: unknown): value is PickleGlobal {
  return typeof value === 'object' && value !== null && 'allowed' in value && 'module' in value;
}
