/** Asks an MLflow server with plain requests, not with the client under test. */

export type Pair = { readonly key: string; readonly value: string };

export type MlflowRun = {
  readonly info: {
    readonly run_id: string;
    readonly run_name: string;
    readonly experiment_id: string;
    readonly status: string;
    readonly start_time: number;
    readonly end_time?: number;
  };
  readonly data: {
    readonly metrics?: readonly { readonly key: string; readonly value: number }[];
    readonly params?: readonly Pair[];
    readonly tags?: readonly Pair[];
  };
};

/** One request of MLflow's REST API; with fields it is a POST. */
export async function askMlflow<Answer>(
  url: string,
  path: string,
  fields?: object,
): Promise<Answer> {
  const init = fields === undefined ? {} : { method: 'POST', body: JSON.stringify(fields) };
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/api/2.0/${path}`, { ...init, headers });
  return (await response.json()) as Answer;
}

/** All runs of a study's experiment: its own and one a trial. None while there is no experiment. */
export async function runsOf(url: string, study: string): Promise<readonly MlflowRun[]> {
  const path = `mlflow/experiments/get-by-name?experiment_name=${study}`;
  type Answer = { readonly experiment?: { readonly experiment_id: string } };
  const { experiment } = await askMlflow<Answer>(url, path);
  if (experiment === undefined) return [];
  const found = await askMlflow<{ runs?: readonly MlflowRun[] }>(url, 'mlflow/runs/search', {
    experiment_ids: [experiment.experiment_id],
  });
  return found.runs ?? [];
}

/** Keyed values, such as tags, as a record. */
export function recordOf<Value>(
  pairs: readonly { readonly key: string; readonly value: Value }[] = [],
): Readonly<Record<string, Value>> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
}

/** Bytes of a file that was logged beside a run; undefined when there is none. */
export async function artifactOf(
  url: string,
  { info }: MlflowRun,
  path: string,
): Promise<Uint8Array | undefined> {
  const folder = `${url}/api/2.0/mlflow-artifacts/artifacts/${info.experiment_id}/${info.run_id}`;
  const response = await fetch(`${folder}/artifacts/${path}`);
  return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
}
