import { join } from 'node:path';
import { STUDY_QUEUE } from '../leg/queues.ts';
import { writeEnvironment } from '../environment/environment.ts';
import type { Environment } from '../environment/environment.ts';
import { ROOT } from '../environment/root.ts';
import { workerChoices } from './server-environment.ts';
import { probePoller } from './temporal.ts';
import type { Service } from './service.ts';

type Variables = Readonly<Record<string, string | undefined>>;

const PROGRAM = join(ROOT, 'bin', 'worker.ts');

/** The Temporal worker, which launches the legs; stopping it lets them write their checkpoints. */
export function workerService(environment: Environment, variables: Variables): Service {
  return {
    name: 'worker',
    address: `queue ${STUDY_QUEUE}`,
    program: process.execPath,
    args: [PROGRAM],
    folder: ROOT,
    env: { ...workerChoices(variables), ...writeEnvironment(environment) },
    // It waits for Temporal itself, when it has bundled the workflows.
    after: [],
    readyWithinSeconds: 90,
    graceSeconds: 150,
    probe: (pid) => probePoller(environment.temporal.address, STUDY_QUEUE, pid),
  };
}
