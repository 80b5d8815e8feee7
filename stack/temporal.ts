import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { INDEXED_TYPES, missingAttributes, SEARCH_ATTRIBUTES } from '../leg/search-attributes.ts';
import type { Layout } from './layout.ts';
import { portOf } from './settings.ts';
import type { Settings } from './settings.ts';
import type { Service } from './service.ts';
import type { Toolchain } from './toolchain.ts';

export const NAMESPACE = 'default';

/** Temporal's dev server on a SQLite file, with its web page. */
export function temporalService(
  layout: Layout,
  settings: Settings,
  toolchain: Toolchain,
): Service & { readonly uiUrl: string } {
  const folder = join(layout.state, 'temporal');
  mkdirSync(folder, { recursive: true });
  const address = `127.0.0.1:${portOf(settings, 'temporal')}`;
  const port = (name: Parameters<typeof portOf>[1]): string => String(portOf(settings, name));
  return {
    name: 'temporal',
    address,
    uiUrl: `http://127.0.0.1:${port('temporalUi')}`,
    program: toolchain.temporal,
    folder,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--ui-ip', '127.0.0.1'],
      ...['--port', port('temporal'), '--ui-port', port('temporalUi')],
      ...['--http-port', port('temporalHttp'), '--metrics-port', port('temporalMetrics')],
      ...['--db-filename', 'temporal.db', '--log-level', 'warn'],
      // Strict priority order needs one partition (a laptop needs no more).
      ...['--dynamic-config-value', 'matching.numTaskqueueReadPartitions=1'],
      ...['--dynamic-config-value', 'matching.numTaskqueueWritePartitions=1'],
      ...['--dynamic-config-value', 'matching.enableFairness=true'],
    ],
    env: {},
    after: [],
    readyWithinSeconds: 60,
    graceSeconds: 10,
    probe: () => prepareTemporal(address),
  };
}

/** Throws unless the server answers for the namespace. */
export async function probeTemporal(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '2s' });
  try {
    await connection.withDeadline(Date.now() + 2000, () =>
      connection.workflowService.describeNamespace({ namespace: NAMESPACE }),
    );
  } finally {
    await connection.close();
  }
}

/** As `probeTemporal`; adds to this server of ours what workflows are found by, where it is missing. */
async function prepareTemporal(address: string): Promise<void> {
  await probeTemporal(address);
  const connection = await Connection.connect({ address, connectTimeout: '2s' });
  try {
    await connection.withDeadline(Date.now() + 5000, () =>
      addSearchAttributes(connection.operatorService, NAMESPACE),
    );
  } finally {
    await connection.close();
  }
}

/** Adds our search attributes to a namespace that lacks them. */
export async function addSearchAttributes(
  operator: Connection['operatorService'],
  namespace: string,
): Promise<void> {
  const { customAttributes } = await operator.listSearchAttributes({ namespace });
  const missing = missingAttributes(customAttributes);
  if (missing.length === 0) return;
  const types = missing.map((name) => [name, INDEXED_TYPES[SEARCH_ATTRIBUTES[name]]] as const);
  await operator.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(types) });
}

/** Throws unless the process polls a task queue, as its pollers' identity `pid@host` tells. */
export async function probePoller(address: string, taskQueue: string, pid: number): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '2s' });
  try {
    const { pollers } = await connection.withDeadline(Date.now() + 2000, () =>
      connection.workflowService.describeTaskQueue({
        namespace: NAMESPACE,
        taskQueue: { name: taskQueue },
        taskQueueType: 1,
      }),
    );
    if (pollers?.some(({ identity }) => identity?.startsWith(`${pid}@`))) return;
    throw new Error(`process ${pid} does not poll ${taskQueue} yet`);
  } finally {
    await connection.close();
  }
}
