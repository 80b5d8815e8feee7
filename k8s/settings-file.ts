import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { errorText, KdxError } from '../leg/errors.ts';
import { problemOf, problemsText } from '../study/resolve.ts';
import type { JobSettings } from './settings.ts';

const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, 'lower-case letters, digits and "-"');
const seconds = z.int().min(0);
const mebibytes = z.int().min(1);
const texts = z.record(z.string(), z.string());
const objects = z.array(z.looseObject({}));

const flavourSchema = z.strictObject({
  name,
  device: z.enum(['cpu', 'cuda']),
  resource: z.string().min(1).optional(),
  cpu: z.string().regex(/^\d+(\.\d+)?$|^\d+m$/, 'CPU cores as Kubernetes writes them: 2, 500m'),
  memoryCapMiB: mebibytes,
  nodeSelector: texts.optional(),
  tolerations: objects.optional(),
  affinity: z.looseObject({}).optional(),
  runtimeClassName: z.string().optional(),
  topology: z.string().optional(),
});

const settingsSchema = z.strictObject({
  namespace: z.string().min(1),
  image: z.string().min(1),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  imagePullSecrets: z.array(z.string()).optional(),
  flavours: z.array(flavourSchema).min(1),
  pool: z.array(name).optional(),
  store: z.strictObject({
    endpoint: z.url({ protocol: /^https?$/ }),
    bucket: z.string().min(3),
    secret: z.string().min(1),
  }),
  queue: z.string().min(1).optional(),
  queuePriorities: texts.optional(),
  priorities: texts.optional(),
  graceSeconds: seconds,
  keepSeconds: seconds,
  checkpointSeconds: seconds,
  datasetClaim: z.string().min(1).optional(),
  cacheMiB: mebibytes,
  labels: texts.optional(),
  annotations: texts.optional(),
});

/**
 * Reads the settings of the cluster's Jobs from a JSON file, as the chart writes it.
 *
 * @throws KdxError Configuration naming the file, the JSON path, the value and what is allowed
 */
export async function readJobSettings(file: string): Promise<JobSettings> {
  const input = await readJson(file);
  const parsed = settingsSchema.safeParse(input);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => problemOf(issue, input));
    throw new KdxError('Configuration', `${file}: ${problemsText(problems)}`);
  }
  const settings = parsed.data as JobSettings;
  const names = settings.flavours.map((flavour) => flavour.name);
  const twice = names.find((flavour, index) => names.indexOf(flavour) !== index);
  if (twice !== undefined) {
    const message = `$.flavours: ${twice} occurs twice; allowed: once each`;
    throw new KdxError('Configuration', `${file}: ${message}`);
  }
  const unknown = settings.pool?.find((flavour) => !names.includes(flavour));
  if (unknown !== undefined) {
    const message = `$.pool: found "${unknown}"; allowed: ${names.join(', ')}`;
    throw new KdxError('Configuration', `${file}: ${message}`);
  }
  return settings;
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    const message = `KDX_CLUSTER_FILE: ${file} cannot be read as JSON: ${errorText(cause)}`;
    throw new KdxError('Configuration', message, { cause });
  }
}
