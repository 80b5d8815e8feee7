import test from 'ava';
import type { z } from 'zod';
import type { specSchema } from '../../leg/schema.ts';
import type { LegSpec } from '../../leg/spec.ts';

/** A type without what a schema cannot say: `readonly`, and the `undefined` of what may be absent. */
type Plain<T> = T extends readonly (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Plain<Exclude<T[Key], undefined>> }
    : T;

/** Whether two types are the same, optional fields included. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

type Kind = LegSpec['kind'];
type Read<K extends Kind> = Plain<Extract<z.infer<typeof specSchema>, { kind: K }>>;
type Declared<K extends Kind> = Plain<Extract<LegSpec, { kind: K }>>;

// Does not compile once the type and the schema of a kind of leg differ in a field.
const SAME: { readonly [K in Kind]: Same<Read<K>, Declared<K>> } = {
  train: true,
  teach: true,
  evaluate: true,
  explain: true,
};

test('the type of a spec and the schema that reads it have the same fields', (t) => {
  t.true(Object.values(SAME).every((same) => same));
});
