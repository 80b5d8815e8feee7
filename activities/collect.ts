import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { STUDY_QUEUE } from '../leg/queues.ts';
import { collectGarbage, type CollectedStore } from '../stores/garbage/collect.ts';
import { digestsIn } from '../stores/garbage/names.ts';
import { digestJson } from '../study/canonical.ts';
import { alive } from './alive.ts';
import type { CollectActivities, LegActivities } from './contract.ts';
import { crossing } from './failure.ts';

export type CollectPorts = {
  readonly artifacts: CollectedStore;
  /** Tells which workflows run. */
  readonly temporal: Client;
};

const RUNNING = `ExecutionStatus = "Running" AND TaskQueue = "${STUDY_QUEUE}"`;
const RUN_LEG: keyof LegActivities = 'runLeg';

/** Removes what nothing in the store and no workflow that runs names. */
export function createCollectActivities({ artifacts, temporal }: CollectPorts): CollectActivities {
  return {
    collectGarbage: ({ dryRun, graceSeconds, unfinishedSeconds }) =>
      crossing(() =>
        alive(() =>
          collectGarbage(artifacts, liveDigests(temporal), {
            dryRun,
            before: Date.now() - graceSeconds * 1000,
            unfinishedBefore: Date.now() - unfinishedSeconds * 1000,
          }),
        ),
      ),
  };
}

/**
 * Every digest in the histories of the workflows that run: resolved studies, chunks of failures, weights
 * that a leg is to read, keys. What begins meanwhile has written anew what it names.
 */
export async function* liveDigests(temporal: Client): AsyncGenerator<string> {
  for await (const { workflowId } of temporal.workflow.list({ query: RUNNING })) {
    try {
      // Without a run: one that has gone on as new meanwhile is read where it is now.
      const { events } = await temporal.workflow.getHandle(workflowId).fetchHistory();
      for (const event of events ?? []) {
        yield* digestsOf(event);
        const scheduled = event.activityTaskScheduledEventAttributes;
        const leg = scheduled?.input?.payloads?.[0];
        // A Job reads its leg by the digest, which no payload holds.
        if (scheduled?.activityType?.name === RUN_LEG && leg) {
          yield digestJson(defaultPayloadConverter.fromPayload(leg));
        }
      }
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
}

/** Digests in the texts and payloads of an event. */
function* digestsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield* digestsIn(value);
  else if (value instanceof Uint8Array) yield* digestsIn(Buffer.from(value).toString('latin1'));
  else if (typeof value === 'object' && value !== null) {
    for (const each of Object.values(value)) yield* digestsOf(each);
  }
}
