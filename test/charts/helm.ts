import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAllYaml } from '@kubernetes/client-node';
import { execa } from 'execa';
import { ROOT } from '../../environment/root.ts';

export const CHART = join(ROOT, 'charts/kdexplainer');

/** The variants that the chart is checked in: the files of its `ci/`. */
export const VARIANTS = [
  ...['minimal', 'kueue', 'keda', 'mig', 'external', 'restricted', 'pool'],
] as const;

/** A rendered object, as far as the tests read it. */
export type KubeObject = {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
};

let helm: Promise<string> | undefined;

/** The program; fetched on first use, and kept beside the other parts of set-up. */
export function findHelm(): Promise<string> {
  helm ??= execa(join(ROOT, 'scripts/cluster/chart-tools.sh'), ['helm']).then(({ stdout }) =>
    join(stdout.trim(), 'layer/bin/helm'),
  );
  return helm;
}

/** All objects of the release `kdx` in the namespace `kdx`. Rejects with Helm's own words. */
export async function render(
  variant: (typeof VARIANTS)[number],
  settings: readonly string[] = [],
): Promise<readonly KubeObject[]> {
  const { stdout } = await execa(await findHelm(), [
    ...['template', 'kdx', CHART, '--namespace', 'kdx'],
    ...['--values', join(CHART, `ci/${variant}-values.yaml`)],
    ...settings.flatMap((setting) => ['--set', setting]),
  ]);
  return (loadAllYaml(stdout) as (KubeObject | undefined)[]).filter((one) => one != null);
}

/** A JSON file of the chart. */
export async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(join(CHART, path), 'utf8'));
}

/** The object of that kind and name. */
export function find(objects: readonly KubeObject[], kind: string, name: string): KubeObject {
  const found = objects.find((one) => one.kind === kind && one.metadata.name === name);
  if (found !== undefined) return found;
  const there = objects.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name);
  throw new Error(`no ${kind} ${name}; there are ${there.join(', ')}`);
}
