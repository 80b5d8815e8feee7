import { z } from 'zod';
import { studySchema } from './schema.ts';

/**
 * The JSON Schema of a study as an author writes it (defaults may be absent), for editors. It is
 * published as `studies/study.schema.json`; a test holds the file against this function.
 */
export function studyJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(studySchema, { io: 'input', target: 'draft-2020-12' }),
    title: 'KDExplainer study',
  };
}
