import type { Client } from '@temporalio/client';

/** How large what a sweep left on the server is. */
export type Sizes = {
  /** Events of the longest history. */
  readonly maxEvents: number;
  readonly maxPayloadBytes: number;
};

/** Histories of one type of workflow that are read for their payloads. */
const READ_OF_EACH_TYPE = 100;

/** Looks at all workflows of a server, and into some of each type. */
export async function measureHistories(client: Client): Promise<Sizes> {
  const read = new Map<string, number>();
  let [maxEvents, maxPayloadBytes] = [0, 0];
  for await (const { type, workflowId, runId, historyLength = 0 } of client.workflow.list()) {
    if (type === 'direct') continue;
    maxEvents = Math.max(maxEvents, historyLength);
    const seen = read.get(type) ?? 0;
    if (seen >= READ_OF_EACH_TYPE) continue;
    read.set(type, seen + 1);
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    maxPayloadBytes = Math.max(maxPayloadBytes, largestPayload(events));
  }
  return { maxEvents, maxPayloadBytes };
}

/** Payloads of a history are objects with `metadata` and `data`, wherever they stand. */
export function largestPayload(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 0;
  const { metadata, data } = value as { readonly metadata?: unknown; readonly data?: unknown };
  if (metadata !== undefined && data instanceof Uint8Array) return data.byteLength;
  return Math.max(0, ...Object.values(value).map(largestPayload));
}
