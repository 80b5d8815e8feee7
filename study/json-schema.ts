import { z } from 'zod';
import { studySchema } from './schema.ts';

type JsonSchema = { required?: string[]; properties?: object };

/** What a study may leave out where it names a protocol. */
const FILLED_IN = ['train', 'stage1', 'stage2', 'epochs', 'optimizer'];

/**
 * The JSON Schema of a study as an author writes it (defaults may be absent), for editors. It is
 * published as `studies/study.schema.json`; a test holds the file against this function. It asks for
 * nothing that a protocol fills in: whether that is there, `kdx` says.
 */
export function studyJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(studySchema, {
    ...{ io: 'input', target: 'draft-2020-12' },
    override: ({ jsonSchema }) => loosen(jsonSchema as JsonSchema),
  });
  return { ...schema, title: 'KDExplainer study' };
}

function loosen(schema: JsonSchema): void {
  if (schema.required === undefined) return;
  const required = schema.required.filter((name) => !FILLED_IN.includes(name));
  if (required.length === 0) delete schema.required;
  else schema.required = required;
}
