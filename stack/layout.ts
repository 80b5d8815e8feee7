import { join, resolve } from 'node:path';
import { ROOT } from '../environment/root.ts';

/** Paths of one stack; everything it owns lies under `home`. */
export type Layout = {
  readonly home: string;
  readonly settings: string;
  /** Survives: Temporal's database, the buckets, MLflow's database. */
  readonly state: string;
  readonly logs: string;
  /** What only a running stack needs. */
  readonly run: string;
  /** Written by the supervisor while it runs. */
  readonly record: string;
  readonly cache: string;
};

/** Where a stack keeps what it owns: `KDX_STATE_DIR`, else `.kdx` of the checkout. */
export function layoutOf(variables: Readonly<Record<string, string | undefined>>): Layout {
  const home = resolve(variables['KDX_STATE_DIR'] ?? join(ROOT, '.kdx'));
  const run = join(home, 'run');
  return {
    home,
    settings: join(home, 'stack.json'),
    state: join(home, 'state'),
    logs: join(home, 'logs'),
    run,
    record: join(run, 'supervisor.json'),
    cache: variables['KDX_CACHE_DIR'] ?? join(home, 'cache'),
  };
}
