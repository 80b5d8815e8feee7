import type { Table } from '../page/content.ts';
import { bytes, capitalised, counted, listed, shortDigest } from '../format.ts';
import type { ReportInput, ReportTrial } from '../input.ts';
import { absence } from './measures.ts';

/** Where a trial's row in the provenance table is. */
export function anchorsOf(trials: readonly ReportTrial[]): ReadonlyMap<ReportTrial, string> {
  return new Map(trials.map((trial, i) => [trial, `trial-${i + 1}`]));
}

/** Every trial with the key of its result and the digests of the files it names. */
export function provenanceTable(trials: readonly ReportTrial[]): Table {
  return {
    id: 'provenance',
    caption:
      'Every trial, the key of its result and the files the result names. In the store: results/<key>.json and blobs/<digest>.',
    columns: [{ label: 'Trial' }, { label: 'state' }, { label: 'key' }, { label: 'files' }],
    rows: trials.map((trial) => ({
      head: [trial.id],
      cells: [
        [trial.state === 'complete' ? 'complete' : absence(trial)],
        [trial.key ?? '–'],
        [fileList(trial)],
      ],
    })),
    notes: [],
  };
}

function fileList({ result }: ReportTrial): string {
  if (result === undefined) return '–';
  return Object.entries(result.files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { digest }]) => `${name} ${shortDigest(digest)}`)
    .join(' · ');
}

/** Provenance for machines: full digests, by trial. */
export function provenanceJson({ study, trials, generatedFrom }: ReportInput): string {
  const record = {
    study: study.name,
    generatedFrom,
    trials: trials.map(({ id, state, key, result, logits, failure }) => ({
      id,
      state,
      key,
      files: result?.files,
      logits: logits?.epochs,
      metrics: result?.metrics,
      failure,
    })),
  };
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** Machines, code and data that the numbers come from. */
export function originTable({ trials, generatedFrom }: ReportInput): Table {
  const { commits, code, datasetDigest } = generatedFrom;
  const runs = trials.flatMap((trial) => trial.runs);
  const classes = [...new Set(runs.map(({ deviceClass }) => describe(deviceClass)))].sort();
  const row = (head: string, text: string) => ({ head: [head], cells: [[text]] });
  return {
    id: 'origin',
    caption: 'Data, code and machines.',
    columns: [{ label: 'What' }, { label: 'which' }],
    rows: [
      row('Dataset', datasetDigest),
      row('Code that computes', code),
      ...(commits.length === 0 ? [] : [row('Commit', listed(commits))]),
      row('Device class', classes.length === 0 ? 'no run recorded' : classes.join('; ')),
    ],
    notes: [
      [
        'Results are bit-identical within one device class.',
        classes.length > 1
          ? ' These come from several: across them only the statistics are comparable, not the bytes.'
          : '',
      ],
    ],
  };
}

function describe({
  kind,
  model,
  threads,
  tensorflow,
}: ReportTrial['runs'][number]['deviceClass']) {
  return `${kind === 'cpu' ? 'CPU' : 'CUDA'} ${model}, ${counted(threads, 'thread')}, TensorFlow ${tensorflow}`;
}

/** The full story of a number for its tooltip: what it is, seeds, keys, digests. */
export function storyOf(what: string | undefined, from: readonly ReportTrial[]): string {
  const lines = from.map(({ id, key, result, state }) => {
    const weights =
      result?.files['weights'] ?? result?.files['evaluation'] ?? result?.files['explanation'];
    const parts = [
      id,
      ...(state === 'complete' ? [] : [state]),
      ...(key === undefined ? [] : [`key ${shortDigest(key)}`]),
      ...(weights === undefined ? [] : [`sha256 ${shortDigest(weights.digest)}`]),
    ];
    return parts.join(' · ');
  });
  return [...(what === undefined ? [] : [capitalised(what)]), ...lines].join('\n');
}

/** Bytes that the study's results name, together; a file named twice counts once. */
export function storedBytes(trials: readonly ReportTrial[]): string {
  const files = new Map(
    trials.flatMap(({ result, logits }) =>
      [...Object.values(result?.files ?? {}), ...(logits?.epochs ?? [])].map(
        ({ digest, bytes: size }) => [digest, size] as const,
      ),
    ),
  );
  return bytes([...files.values()].reduce((total, size) => total + size, 0));
}
