/** Legs that compute nothing: each takes its time, and leaves a result in the store. */
import { Context } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';

import type { LegActivities } from '../../activities/contract.ts';
import type { Result } from '../../leg/result.ts';
import type { Leg } from '../../leg/spec.ts';
import { sha256, type ArtifactStore } from '../../stores/artifacts.ts';
import { commitResult } from '../../stores/results.ts';
import { legSeconds, type Span } from './slots.ts';

const HEARTBEAT_MILLISECONDS = 5000;

/** How long legs take; 0 for as fast as can be. */
export type Pace = { readonly meanSeconds: number; readonly sigma: number };

/** @param ended is told when each leg ran, in seconds */
export function simulatedLegs(
  store: ArtifactStore,
  { pace, ended }: { readonly pace: () => Pace; readonly ended: (span: Span) => void },
): LegActivities {
  let launches = 0;
  return {
    async runLeg(leg) {
      const { meanSeconds, sigma } = pace();
      const start = performance.now() / 1000;
      launches += 1;
      if (meanSeconds > 0) await takeTime(legSeconds(launches, meanSeconds, sigma) * 1000);
      const result = resultOf(leg);
      await commitResult(store, result);
      const { key, status, metrics, files } = result;
      ended({ start, end: performance.now() / 1000 });
      const digests = Object.entries(files).map(([name, { digest }]) => [name, digest] as const);
      return {
        ...{
          outcome: 'done',
          host: 'simulated',
          processes: [],
          deviceSeconds: 0,
          detail: 'exit 0',
        },
        result: { key, status, metrics, files: Object.fromEntries(digests) },
      };
    },
  };
}

async function takeTime(milliseconds: number): Promise<void> {
  const context = Context.current();
  const beating = setInterval(() => context.heartbeat(), HEARTBEAT_MILLISECONDS);
  try {
    await sleep(milliseconds, undefined, { signal: context.cancellationSignal });
  } finally {
    clearInterval(beating);
  }
}

function resultOf({ key, spec }: Leg): Result {
  const name = spec.kind === 'train' ? 'weights' : 'evaluation';
  const digest = sha256(Buffer.from(key));
  return {
    ...{ schema: 1, key, spec, status: 'complete', metrics: { top1: 50 } },
    files: { [name]: { digest, bytes: 1 } },
  };
}
