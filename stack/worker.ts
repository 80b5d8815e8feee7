import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { STUDY_QUEUE } from '../workflows/queues.ts';
import { writeEnvironment } from '../environment/environment.ts';
import type { Environment } from '../environment/environment.ts';
import { ROOT } from '../environment/root.ts';
import { probePoller } from './temporal.ts';
import type { Service } from './service.ts';

const PROGRAM = join(ROOT, 'bin', 'worker.ts');

/** The Temporal worker, which launches the legs; stopping it lets them write their checkpoints. */
export function workerService(environment: Environment): Service | undefined {
  if (!existsSync(PROGRAM)) return undefined;
  return {
    name: 'worker',
    address: `queue ${STUDY_QUEUE}`,
    program: process.execPath,
    args: [PROGRAM],
    env: writeEnvironment(environment),
    after: ['temporal', 's3'],
    readyWithinSeconds: 90,
    graceSeconds: 150,
    probe: (pid) => probePoller(environment.temporal.address, STUDY_QUEUE, pid),
  };
}
