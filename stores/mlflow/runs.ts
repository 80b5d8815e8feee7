import { type MlflowClient, MlflowRefusal } from './client.ts';

/** The tag by which a run is found again, so that writing it twice writes it once. */
export const KEY_TAG = 'kdx.key';

export type Labels = Readonly<Record<string, string>>;

export type Metric = {
  readonly key: string;
  readonly value: number;
  readonly step: number;
  /** Milliseconds since 1970. Equal metrics of equal time are kept once. */
  readonly timestamp: number;
};

export type RunInfo = {
  readonly run_id: string;
  readonly experiment_id: string;
  readonly status: 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';
  readonly start_time: number;
};

type Experiment = { readonly experiment_id: string; readonly lifecycle_stage: string };
type Found = { readonly runs?: readonly { readonly info: RunInfo }[] };

/** One call of log-batch takes 100 parameters, 100 tags and 1000 values in all. */
const BATCH = { metrics: 800, params: 100, tags: 100 } as const;
/** Longer values of parameters are refused. */
const MAX_PARAM_LENGTH = 6000;

/** Id of the experiment of that name; created where it is missing, restored where it was deleted. */
export async function provideExperiment(client: MlflowClient, name: string): Promise<string> {
  const found = await getExperiment(client, name);
  if (found === undefined) return createExperiment(client, name);
  const { experiment_id, lifecycle_stage } = found;
  if (lifecycle_stage === 'deleted') {
    await client.call('POST', 'experiments/restore', { experiment_id });
  }
  return experiment_id;
}

async function getExperiment(client: MlflowClient, name: string): Promise<Experiment | undefined> {
  try {
    const fields = { experiment_name: name };
    type Answer = { readonly experiment: Experiment };
    return (await client.call<Answer>('GET', 'experiments/get-by-name', fields)).experiment;
  } catch (error) {
    if (isRefusal(error, 'RESOURCE_DOES_NOT_EXIST')) return undefined;
    throw error;
  }
}

async function createExperiment(client: MlflowClient, name: string): Promise<string> {
  try {
    type Answer = { readonly experiment_id: string };
    return (await client.call<Answer>('POST', 'experiments/create', { name })).experiment_id;
  } catch (error) {
    // Another writer created it in between.
    if (isRefusal(error, 'RESOURCE_ALREADY_EXISTS')) return provideExperiment(client, name);
    throw error;
  }
}

export type NewRun = {
  readonly experiment: string;
  readonly key: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly startTime: number;
  readonly tags: Labels;
};

/**
 * The run of a key within an experiment, created where there is none. Of two writers that create it at
 * once both keep the one that began first, and the other is deleted.
 */
export async function provideRun(client: MlflowClient, run: NewRun): Promise<RunInfo> {
  const found = await findRun(client, run);
  if (found !== undefined) return found;
  type Answer = { readonly run: { readonly info: RunInfo } };
  const created = await client.call<Answer>('POST', 'runs/create', {
    experiment_id: run.experiment,
    run_name: run.name,
    start_time: run.startTime,
    tags: tagList({ ...run.tags, [KEY_TAG]: run.key }),
  });
  const mine = created.run.info;
  const first = (await findRun(client, run)) ?? mine;
  if (first.run_id !== mine.run_id) {
    await client.call('POST', 'runs/delete', { run_id: mine.run_id });
  }
  return first;
}

async function findRun(
  client: MlflowClient,
  { experiment, key }: Pick<NewRun, 'experiment' | 'key'>,
): Promise<RunInfo | undefined> {
  const answer = await client.call<Found>('POST', 'runs/search', {
    experiment_ids: [experiment],
    filter: `tags.\`${KEY_TAG}\` = '${key}'`,
    order_by: ['attributes.start_time ASC', 'attributes.run_id ASC'],
    max_results: 1,
  });
  return answer.runs?.[0]?.info;
}

/** Writes metrics, parameters and tags in as few calls as the server allows. */
export async function logAll(
  client: MlflowClient,
  run: RunInfo,
  data: { readonly metrics: readonly Metric[]; readonly params: Labels; readonly tags: Labels },
): Promise<void> {
  const params = tagList(data.params).map(({ key, value }) => ({
    key,
    value: value.length > MAX_PARAM_LENGTH ? `${value.slice(0, MAX_PARAM_LENGTH - 1)}…` : value,
  }));
  const metrics = batches(data.metrics, BATCH.metrics);
  const paramBatches = batches(params, BATCH.params);
  const tags = batches(tagList(data.tags), BATCH.tags);
  const calls = Math.max(metrics.length, paramBatches.length, tags.length);
  for (let i = 0; i < calls; i++) {
    await client.call('POST', 'runs/log-batch', {
      run_id: run.run_id,
      metrics: metrics[i] ?? [],
      params: paramBatches[i] ?? [],
      tags: tags[i] ?? [],
    });
  }
}

/** Marks a run as ended; the last thing written to it. */
export async function endRun(
  client: MlflowClient,
  run: RunInfo,
  status: 'FINISHED' | 'FAILED',
  endTime: number,
): Promise<void> {
  await client.call('POST', 'runs/update', { run_id: run.run_id, status, end_time: endTime });
}

/** Puts a file beside a run, over one of the same name. */
export async function logArtifact(
  client: MlflowClient,
  run: RunInfo,
  file: { readonly path: string; readonly bytes: Uint8Array; readonly contentType: string },
): Promise<void> {
  const path = `${run.experiment_id}/${run.run_id}/artifacts/${file.path}`;
  await client.putArtifact(path, file.bytes, file.contentType);
}

function isRefusal(error: unknown, code: string): boolean {
  return error instanceof MlflowRefusal && error.refusal === code;
}

function tagList(labels: Labels): readonly { readonly key: string; readonly value: string }[] {
  return Object.entries(labels).map(([key, value]) => ({ key, value }));
}

function batches<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}
