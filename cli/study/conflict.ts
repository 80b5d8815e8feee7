import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { KdxError } from '../../leg/errors.ts';
import { canonicalJson } from '../../study/canonical.ts';
import { resolveStudy } from '../../study/resolve.ts';
import type { StudyFile } from './file.ts';

/** Places named in a message; more would not be read. */
const NAMED = 5;

/**
 * Refuses to take a study that is under way for another one of the same name: what was started counts,
 * however it was started, with its defaults filled in.
 * @throws KdxError `SpecInvalid` naming the places that differ, and what to do
 */
export async function checkSameStudy(
  client: Client,
  workflowId: string,
  study: StudyFile,
): Promise<void> {
  const places = differences(resolved(study.input), resolved(await inputOf(client, workflowId)));
  if (places.length === 0) return;
  const more = places.length > NAMED ? `, and ${places.length - NAMED} more` : '';
  const where = `${places.slice(0, NAMED).join(', ')}${more}`;
  throw new KdxError(
    'SpecInvalid',
    `a study named ${study.name} is under way with other content; what differs: ${where}. ` +
      'Watch that one: kdx study --join. Replace it: ' +
      `temporal workflow cancel --workflow-id ${workflowId}, wait until it has ended, and start again ` +
      '(finished trials are found by their keys). Or run both: give this one another name',
  );
}

/** What a workflow was started with, as the first event of its history says. */
async function inputOf(client: Client, workflowId: string): Promise<unknown> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId },
    maximumPageSize: 1,
  });
  const payload =
    history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return payload === undefined || payload === null
    ? undefined
    : defaultPayloadConverter.fromPayload(payload);
}

/** With its defaults; as it is where it is no study. */
function resolved(input: unknown): unknown {
  const resolution = resolveStudy(input);
  return resolution.ok ? resolution.study : input;
}

/** JSON paths at which two values differ: the members, where both have them. Pure. */
export function differences(a: unknown, b: unknown, path = '$'): readonly string[] {
  if (isRecord(a) && isRecord(b)) {
    const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return names.flatMap((name) => differences(a[name], b[name], `${path}.${name}`));
  }
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    return a.flatMap((item, i) => differences(item, b[i], `${path}[${i}]`));
  }
  return textOf(a) === textOf(b) ? [] : [path];
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : canonicalJson(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
