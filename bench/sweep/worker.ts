/**
 * The worker of the bench: workflows and their activities as in any worker, legs simulated, nothing
 * written to MLflow. A process of its own, so that its memory can be told.
 */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';

import { bundleWorkflows } from '../../bin/worker/bundle.ts';
import { serveRoles } from '../../bin/worker/roles.ts';
import { runWorkers } from '../../bin/worker/run.ts';
import { createWorkers } from '../../bin/worker/workers.ts';
import { readEnvironment } from '../../environment/environment.ts';
import { legQueue } from '../../leg/queues.ts';
import { openS3Store } from '../../stores/s3.ts';
import { simulatedLegs, type Pace } from './executor.ts';
import { idleShare, type Span } from './slots.ts';
import { DIRECT_QUEUE, type Answer, type Request } from './words.ts';

const slots = Number(process.argv[2]);
const environment = readEnvironment(process.env);
Runtime.install({ logger: new DefaultLogger('WARN') });
const connection = await NativeConnection.connect({ address: environment.temporal.address });
const store = openS3Store(environment.s3);
let pace: Pace = { meanSeconds: 0, sigma: 0 };
let spans: Span[] = [];

const { served } = await serveRoles({
  ...{ environment, connection, variables: process.env, settings: undefined },
  roles: { roles: ['workflows'] },
});
const legs = simulatedLegs(store, {
  pace: () => pace,
  ended: (span) => void spans.push(span),
});
const workers = await createWorkers(connection, environment.temporal.namespace, {
  ...served,
  legs: { ...legs, queues: [{ name: legQueue('cpu'), slots }], stopSeconds: 10 },
  records: {
    recordTrials: () => Promise.resolve([]),
    recordPlan: () => Promise.resolve({ total: 0 }),
    recordReport: () => Promise.resolve(),
  },
});
const direct = await Worker.create({
  ...{ connection, taskQueue: DIRECT_QUEUE, maxConcurrentActivityTaskExecutions: slots },
  workflowBundle: await bundleWorkflows(
    fileURLToPath(new URL('direct-workflow.ts', import.meta.url)),
  ),
  activities: { runTrial: () => Promise.resolve() },
});

const say = (answer: Answer): void => void process.send?.(answer);
process.on('message', (request: Request) => {
  if ('pace' in request) {
    ({ pace } = request);
    return;
  }
  // Of this process in KiB, the largest since it has started.
  const rssBytes = process.resourceUsage().maxRSS * 1024;
  say({ rssBytes, idleShare: spans.length === 0 ? 0 : idleShare(spans, slots) });
  spans = [];
});
process.once('disconnect', () => process.exit());
say({ ready: true });
await runWorkers([...workers, direct]);
// The channel to the bench keeps it alive.
process.exit();
