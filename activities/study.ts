import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { ERROR_CODES, KdxError, type ErrorCode } from '../leg/errors.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { concurrently } from '../stores/concurrently.ts';
import { findResults } from '../stores/results.ts';
import { problemsText, resolveStudy as readStudy } from '../study/resolve.ts';
import type {
  ResolvedStudy,
  ResultSummary,
  StudyActivities,
  TrialEnd,
  TrialFailure,
} from './contract.ts';
import { crossing } from './failure.ts';
import { readHeartbeat } from './heartbeat.ts';
import type { CatalogPort } from './ports.ts';
import { summaryOf } from './summary.ts';

export type StudyPorts = {
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'location'>;
  readonly catalog: CatalogPort;
  /** For waiting on trials that other studies have started, and for what legs say. */
  readonly temporal: Client;
};

/** How often a waiting activity says that it lives. */
const HEARTBEAT_MILLISECONDS = 10_000;

const MEASURED_AT_ONCE = 16;

/** The short activities of a study. */
export function createStudyActivities(ports: StudyPorts): StudyActivities {
  return {
    resolveStudy: (input) => crossing(() => resolve(ports.catalog, input)),
    findResults: (keys) => crossing(() => find(ports.artifacts, keys)),
    awaitTrial: (workflowId) => crossing(() => awaitEnd(ports.temporal, workflowId)),
    measureLegs: (workflowIds) => crossing(() => measure(ports.temporal, workflowIds)),
  };
}

async function resolve(catalog: CatalogPort, input: unknown): Promise<ResolvedStudy> {
  const resolution = readStudy(input);
  if (!resolution.ok) throw new KdxError('SpecInvalid', problemsText(resolution.problems));
  const { study } = resolution;
  if (study.executor !== 'auto' && !catalog.executors.includes(study.executor)) {
    const allowed = ['auto', ...catalog.executors].join(', ');
    const message = `$.executor: found "${study.executor}"; allowed on this worker: ${allowed}`;
    throw new KdxError('SpecInvalid', message);
  }
  const code = await catalog.readCodeIndex();
  return { study, datasetDigest: await catalog.publishDataset(study.dataset.name), code };
}

async function find(
  artifacts: Pick<ArtifactStore, 'getJson' | 'location'>,
  keys: readonly string[],
): Promise<readonly ResultSummary[]> {
  return [...(await findResults(artifacts, keys)).values()].map(summaryOf);
}

async function measure(
  temporal: Client,
  workflowIds: readonly string[],
): Promise<readonly number[]> {
  return await concurrently(workflowIds, MEASURED_AT_ONCE, async (workflowId) => {
    const heartbeat = await readHeartbeat(temporal, workflowId);
    return heartbeat?.deviceSeconds ?? 0;
  });
}

async function awaitEnd(temporal: Client, workflowId: string): Promise<TrialEnd> {
  const context = Context.current();
  const alive = setInterval(() => context.heartbeat(), HEARTBEAT_MILLISECONDS);
  try {
    const end = temporal.workflow.getHandle(workflowId).result();
    await Promise.race([end, context.cancelled]);
    return { status: 'completed' };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { status: 'gone' };
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof CancelledFailure) return { status: 'cancelled' };
    if (cause instanceof ApplicationFailure) return { status: 'failed', failure: failureOf(cause) };
    return { status: 'gone' };
  } finally {
    clearInterval(alive);
  }
}

function failureOf({ type, message }: ApplicationFailure): TrialFailure {
  const known = typeof type === 'string' && Object.hasOwn(ERROR_CODES, type);
  return { code: known ? (type as ErrorCode) : 'CodeBug', message };
}
