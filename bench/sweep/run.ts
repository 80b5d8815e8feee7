import { Client, Connection } from '@temporalio/client';

import { thenClose } from '../../bin/worker/run.ts';
import { STUDY_QUEUE } from '../../leg/queues.ts';
import { voice } from '../../scripts/setup/progress.mjs';
import type { StudyInput } from '../../study/schema.ts';
import type { StudySummary } from '../../workflows/study.ts';
import { measureHistories } from './histories.ts';
import type { SweepOptions } from './options.ts';
import { measurePeers } from './peers.ts';
import { startServers } from './servers.ts';
import { startWorker, type SimulatedWorker } from './simulated-worker.ts';
import { sweepOf } from './study.ts';
import { DIRECT_QUEUE } from './words.ts';

/** Standard deviation of the logarithm of a leg's duration. */
const SIGMA = 0.5;

/** Measures, and prints one line of JSON. */
export async function benchSweep(options: SweepOptions): Promise<void> {
  const say = voice('sweep');
  say('starting Temporal and the object store');
  const servers = await startServers();
  const withServers = async (): Promise<void> => {
    const { environment } = servers;
    const worker = await startWorker(environment, options.parallel);
    await thenClose(async () => {
      const connection = await Connection.connect({ address: environment.temporal.address });
      const measured = measure({ client: new Client({ connection }), worker, say }, options);
      const report = await thenClose(
        () => measured,
        () => connection.close(),
      );
      process.stdout.write(`${JSON.stringify(report)}\n`);
    }, worker.stop);
  };
  await thenClose(withServers, servers.stop);
}

type Bench = {
  readonly client: Client;
  readonly worker: SimulatedWorker;
  readonly say: (line: string) => void;
};

async function measure({ client, worker, say }: Bench, options: SweepOptions) {
  const { trials, parallel, legs, legSeconds } = options;
  const run = runner(client);
  say(`${trials} trials, legs that take no time`);
  const first = await run(sweepOf('first', trials, parallel, 0));
  say(`${rate(first)} trials a second; the same once more, all of them found`);
  const again = await run(sweepOf('again', trials, parallel, 0));
  const { rssBytes } = await worker.take();
  say(`${rate(again)} found a second; ${trials} activities of one workflow`);
  const direct = await runDirect(client, trials, parallel);
  say(`${rate(direct)} a second; ${legs} legs of ${legSeconds} s`);
  const idleShare = await measureIdle(run, worker, options);
  const sizes = await measureHistories(client);
  const peers = await measurePeers(options.peers, options.peerTrials);
  return {
    ...{ bench: 'sweep', trials: first.trials, parallel, seconds: toDecimals(first.seconds, 1) },
    ...{ trialsPerSecond: rate(first), foundPerSecond: rate(again), ...sizes, rssBytes },
    ...{ legs, legSeconds, idleShare: toDecimals(idleShare, 4) },
    peers: { direct: rate(direct), ...peers },
  };
}

type Timed = { readonly trials: number; readonly seconds: number };

function rate({ trials, seconds }: Timed): number {
  return toDecimals(trials / seconds, 1);
}

function toDecimals(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

/** Runs a study from its start to its end. @throws Error where a trial of it has failed */
function runner(client: Client): (study: StudyInput) => Promise<Timed> {
  return async (study) => {
    const started = performance.now();
    const summary = (await client.workflow.execute('sweep', {
      ...{ taskQueue: STUDY_QUEUE, workflowId: `sweep/${study.name}`, args: [study] },
    })) as StudySummary;
    const { complete, found } = summary.counts;
    return { trials: complete + found, seconds: (performance.now() - started) / 1000 };
  };
}

async function runDirect(client: Client, trials: number, parallel: number): Promise<Timed> {
  const started = performance.now();
  await client.workflow.execute('direct', {
    ...{ taskQueue: DIRECT_QUEUE, workflowId: 'direct', args: [trials, parallel] },
  });
  return { trials, seconds: (performance.now() - started) / 1000 };
}

async function measureIdle(
  run: (study: StudyInput) => Promise<Timed>,
  worker: SimulatedWorker,
  { legs, legSeconds, parallel }: SweepOptions,
): Promise<number> {
  worker.setPace({ meanSeconds: legSeconds, sigma: SIGMA });
  await worker.take();
  await run(sweepOf('slow', legs, parallel, 1));
  return (await worker.take()).idleShare;
}
