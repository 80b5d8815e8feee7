import { join } from 'node:path';
import { z } from 'zod';
import { KdxError } from '../leg/errors.ts';
import { readJson } from './files.ts';
import { ROOT } from '../environment/root.ts';

const schema = z.object({
  node: z.string(),
  python: z.string(),
  temporal: z.string(),
  temporalTestServer: z.string(),
  weed: z.string(),
  minio: z.string().optional(),
});

/** Absolute paths of the programs that set-up found or installed. */
export type Toolchain = z.output<typeof schema>;

/**
 * What `scripts/setup.mjs` wrote.
 * @throws KdxError `Configuration` when this checkout is not set up.
 */
export async function readToolchain(root: string = ROOT): Promise<Toolchain> {
  const path = join(root, '.kdx', 'toolchain.json');
  const parsed = schema.safeParse(await readJson(path));
  if (parsed.success) return parsed.data;
  throw new KdxError('Configuration', `${path}: missing or unreadable; run: npm run setup`);
}
