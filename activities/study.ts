import pMap from 'p-map';
import { WorkflowFailedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { ERROR_CODES, KdxError, type ErrorCode } from '../leg/errors.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { lookUpResults } from '../stores/results.ts';
import { pinStudy } from '../stores/teachers.ts';
import type { Place } from '../leg/spec.ts';
import { canonicalJson } from '../study/canonical.ts';
import type { DatasetInfo } from '../study/catalog.ts';
import { isPending, problemsText, resolveStudy as readInput } from '../study/resolve.ts';
import type { Study } from '../study/schema.ts';
import { alive } from './alive.ts';
import type {
  Found,
  PinnedStudy,
  ResolvedStudy,
  StudyActivities,
  TrialEnd,
  TrialFailure,
} from './contract.ts';
import { crossing } from './failure.ts';
import { keepFailures, readAllFailures, readFailures } from './failures.ts';
import { readHeartbeat } from './heartbeat.ts';
import { lookUpPlan } from './look-up-plan.ts';
import type { CatalogPort } from './ports.ts';
import { summaryOf } from './summary.ts';

export type StudyPorts = {
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'location' | 'getBlob' | 'putBlob'>;
  readonly catalog: CatalogPort;
  /** For looking at trials that other studies have started, and for what legs report. */
  readonly temporal: Client;
  /** Whether the server knows our search attributes; absent: it does not. */
  readonly searchable?: () => Promise<boolean>;
};

/** Questions to Temporal under way at once. */
const ASKED_AT_ONCE = 16;

/** The short activities of a study. */
export function createStudyActivities(ports: StudyPorts): StudyActivities {
  const { artifacts, catalog, temporal, searchable } = ports;
  return {
    resolveStudy: (input) =>
      crossing(() =>
        alive(async () => {
          const pinned = await resolve(artifacts, catalog, input);
          return (await searchable?.()) === true ? { ...pinned, searchable: true } : pinned;
        }),
      ),
    readStudy: (digest) => crossing(() => readStudy(artifacts, digest)),
    findResults: (keys) => crossing(() => find(artifacts, keys)),
    lookAtTrials: (workflowIds) =>
      crossing(() =>
        pMap(workflowIds, (id) => lookAt(temporal, id), { concurrency: ASKED_AT_ONCE }),
      ),
    measureLegs: (workflowIds) => crossing(() => measure(temporal, workflowIds)),
    keepFailures: (chunk) => crossing(() => keepFailures(artifacts, chunk)),
    readFailures: (digest, only) => crossing(() => readFailures(artifacts, digest, only)),
    lookUpPlan: (page) =>
      crossing(() =>
        alive(async () => {
          const resolved = await readStudy(artifacts, page.study);
          const failed = await readAllFailures(artifacts, page.failures);
          return await lookUpPlan((key) => findOne(artifacts, key), resolved, page, failed);
        }),
      ),
  };
}

async function resolve(
  artifacts: StudyPorts['artifacts'],
  catalog: CatalogPort,
  input: unknown,
): Promise<PinnedStudy> {
  const written = readWhole(input);
  const place = placeOf(written, catalog);
  const code = await catalog.readCodeIndex();
  const { digest: datasetDigest, info } = await catalog.dataset(written.dataset.name);
  const known = isPending(written) ? readWhole(input, info) : written;
  const study = await pinStudy(artifacts, known);
  const resolved = { study, datasetDigest, code, place };
  const { digest } = await artifacts.putBlob(new TextEncoder().encode(canonicalJson(resolved)));
  return { digest, resolved };
}

/** @throws KdxError SpecInvalid with all that is wrong */
function readWhole(input: unknown, info?: DatasetInfo): Study {
  const resolution = readInput(input, info);
  if (resolution.ok) return resolution.study;
  throw new KdxError('SpecInvalid', problemsText(resolution.problems));
}

/** Where the study's legs run. @throws KdxError SpecInvalid where nothing here offers what it asks for */
function placeOf({ executor, device }: Study, catalog: CatalogPort): Place {
  const places = catalog.places(device.kind);
  const found = places.find((place) => executor === 'auto' || place.executor === executor);
  if (found !== undefined) return found;
  const offered = places.map((place) => place.executor);
  const allowed = offered.length === 0 ? `none on ${device.kind}` : ['auto', ...offered].join(', ');
  const message = `$.executor: found "${executor}"; allowed on these workers: ${allowed}`;
  throw new KdxError('SpecInvalid', message);
}

/** Reads a resolved study. Throws `DataMismatch` when its blob is missing or damaged. */
export async function readStudy(
  artifacts: Pick<ArtifactStore, 'getBlob'>,
  digest: string,
): Promise<ResolvedStudy> {
  return JSON.parse(new TextDecoder().decode(await artifacts.getBlob(digest))) as ResolvedStudy;
}

/** What lies at a key, if anything does. */
export async function findOne(
  artifacts: Pick<ArtifactStore, 'getJson' | 'location'>,
  key: string,
): Promise<Found | undefined> {
  const [found] = await find(artifacts, [key]);
  return found;
}

async function find(
  artifacts: Pick<ArtifactStore, 'getJson' | 'location'>,
  keys: readonly string[],
): Promise<readonly Found[]> {
  const found = await lookUpResults(artifacts, keys);
  return [...found].map(([key, result]) =>
    result instanceof KdxError
      ? { key, status: 'damaged', message: result.message }
      : summaryOf(result),
  );
}

async function measure(
  temporal: Client,
  workflowIds: readonly string[],
): Promise<readonly number[]> {
  return await pMap(
    workflowIds,
    async (workflowId) => {
      const heartbeat = await readHeartbeat(temporal, workflowId);
      return heartbeat?.deviceSeconds ?? 0;
    },
    { concurrency: ASKED_AT_ONCE },
  );
}

/** Where a trial stands. A closed workflow answers with its end at once, so nothing waits here. */
async function lookAt(temporal: Client, workflowId: string): Promise<TrialEnd> {
  const handle = temporal.workflow.getHandle(workflowId);
  try {
    const { status, runId } = await handle.describe();
    if (status.name === 'RUNNING') return { status: 'running' };
    await temporal.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
    return { status: 'completed' };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { status: 'gone' };
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof CancelledFailure) return { status: 'cancelled' };
    if (cause instanceof ApplicationFailure) return { status: 'failed', failure: endOf(cause) };
    return { status: 'gone' };
  }
}

function endOf({ type, message }: ApplicationFailure): TrialFailure {
  const known = typeof type === 'string' && Object.hasOwn(ERROR_CODES, type);
  return { code: known ? (type as ErrorCode) : 'CodeBug', message };
}
