import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeploymentVariables } from '../../environment/deployment.ts';
import { KdxError } from '../../leg/errors.ts';
import { ROOT } from '../../environment/root.ts';
import { BUNDLE_FILE } from './bundle.ts';
import type { Build } from './workers.ts';

/** What a history depends on, and the digests of what computes results. */
const SOURCES = ['workflows', 'activities', 'leg', 'study', 'statistics'];
const CODE_INDEX = 'learning/code.json';
const DIGITS = 12;

/** The build of this worker, the same for all roles of an image: `0.1.0-3f8a…`. */
export async function buildOf({ name, buildId }: DeploymentVariables, root = ROOT): Promise<Build> {
  if (buildId !== undefined) return { deploymentName: name, buildId };
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  const digest = createHash('sha256');
  for (const file of [...(await sourcesOf(root)), CODE_INDEX]) {
    digest.update(`${file}\n`).update(await readFile(join(root, file)));
  }
  return { deploymentName: name, buildId: `${version}-${digest.digest('hex').slice(0, DIGITS)}` };
}

/** The bundle of an image; in a checkout, which has none, what it is made of. */
async function sourcesOf(root: string): Promise<readonly string[]> {
  const workflows = await readdir(join(root, 'workflows')).catch((cause: unknown) => {
    const message = 'KDX_BUILD_ID: not set; this image holds no workflows to tell the build by';
    throw new KdxError('Configuration', message, { cause });
  });
  if (workflows.includes('bundle.js')) return [BUNDLE_FILE];
  const found = await Promise.all(
    SOURCES.map(async (room) => {
      const names = await readdir(join(root, room), { recursive: true });
      return names.filter((name) => /\.[jt]s$/.test(name)).map((name) => `${room}/${name}`);
    }),
  );
  return found.flat().sort();
}
