import { KdxError } from '../../../leg/errors.ts';
import type { AttrValue } from './messages.ts';
import { tensorShape } from './messages.ts';
import type { NativeAttribute, NativeBinding } from './native.ts';
import { native } from './native.ts';

/**
 * Type attributes that tfjs leaves out, because eager execution infers them, and a graph must name:
 * attribute → position of the input that has the type. A graph that misses one does not load.
 */
const INFERRED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ExpandDims: { T: 0, Tdim: 1 },
};

const bytes = new TextEncoder();

function integer(value: NativeAttribute['value']): AttrValue {
  return Array.isArray(value) ? { list: { i: value } } : { i: value as number };
}

function float(value: NativeAttribute['value']): AttrValue {
  return Array.isArray(value) ? { list: { f: value } } : { f: value as number };
}

function flag(value: NativeAttribute['value']): AttrValue {
  return Array.isArray(value) ? { list: { b: value.map(Boolean) } } : { b: Boolean(value) };
}

function convert({ name, type, value }: NativeAttribute, binding: NativeBinding): AttrValue {
  switch (type) {
    case binding.TF_ATTR_STRING:
      return { s: bytes.encode(value as string) };
    case binding.TF_ATTR_INT:
      return integer(value);
    case binding.TF_ATTR_FLOAT:
      return float(value);
    case binding.TF_ATTR_BOOL:
      return flag(value);
    case binding.TF_ATTR_TYPE:
      return { type: value as number };
    case binding.TF_ATTR_SHAPE:
      return { shape: tensorShape(value as number[]) };
    default:
      throw new KdxError(
        'CodeBug',
        `Attribute ${name} has the type ${type}, which no graph knows.`,
      );
  }
}

/** The attributes of a graph's node from those of the eager operation. `inputTypes` by position. */
export function graphAttributes(
  operation: string,
  attributes: readonly NativeAttribute[],
  inputTypes: readonly number[],
): Record<string, AttrValue> {
  const { binding } = native();
  const inferred = Object.entries(INFERRED[operation] ?? {}).map(
    ([name, input]) => [name, { type: inputTypes[input] as number }] as const,
  );
  const given = attributes.map(
    (attribute) => [attribute.name, convert(attribute, binding)] as const,
  );
  return Object.fromEntries([...inferred, ...given]);
}
