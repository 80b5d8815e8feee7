import {
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { LegActivities, LegHeartbeat } from './contract.ts';

const RUN_LEG: keyof LegActivities = 'runLeg';

/**
 * The last word of the leg that a trial runs, as Temporal keeps it, also while its worker is gone.
 * Undefined where no leg is under way or it has said nothing yet.
 */
export async function readHeartbeat(
  client: Client,
  workflowId: string,
): Promise<LegHeartbeat | undefined> {
  try {
    return heartbeatOf(await client.workflow.getHandle(workflowId).describe());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** As `readHeartbeat`, of a trial that has been described already. */
export function heartbeatOf({
  raw,
}: Pick<WorkflowExecutionDescription, 'raw'>): LegHeartbeat | undefined {
  const leg = raw.pendingActivities?.find(({ activityType }) => activityType?.name === RUN_LEG);
  const payload = leg?.heartbeatDetails?.payloads?.[0];
  if (payload === undefined || payload === null) return undefined;
  return defaultPayloadConverter.fromPayload<LegHeartbeat>(payload);
}
