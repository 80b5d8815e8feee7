import { KdxError } from '../leg/errors.ts';

const DIGEST = /^[0-9a-f]{64}$/;
/** Wide enough for every count of epochs and steps, so that text order is number order. */
const DIGITS = 8;

/** The name of a blob's object. Throws `CodeBug` for what is no sha256 in hex. */
export function blobName(digest: string): string {
  return `blobs/${checkDigest(digest)}`;
}

/** The name of a result's object. */
export function resultName(key: string): string {
  return `results/${checkDigest(key)}.json`;
}

/** The name of the record of one process that ran a leg. */
export function runName(key: string, process: string): string {
  return `${runPrefix(key)}${process}.json`;
}

export function runPrefix(key: string): string {
  return `runs/${checkDigest(key)}/`;
}

/** Zero-padded, so that checkpoints list in the order of training. */
export function checkpointName(key: string, epoch: number, step: number): string {
  const pad = (count: number) => String(count).padStart(DIGITS, '0');
  return `${checkpointPrefix(key)}${pad(epoch)}-${pad(step)}.json`;
}

/** A part of a checkpoint. */
export function partName(key: string, digest: string): string {
  return `${checkpointPrefix(key)}parts/${checkDigest(digest)}`;
}

export function checkpointPrefix(key: string): string {
  return `checkpoints/${checkDigest(key)}/`;
}

/** The lease of a process that runs a leg. */
export function progressName(key: string, process: string): string {
  return `${progressPrefix(key)}${process}.json`;
}

export function progressPrefix(key: string): string {
  return `progress/${checkDigest(key)}/`;
}

/** Where it is, a process is asked to stop. */
export function stopName(key: string, process: string): string {
  return `${progressPrefix(key)}${process}.stop`;
}

/** The log of a process that ran a leg. */
export function logName(key: string, process: string): string {
  return `logs/${checkDigest(key)}/${process}.log`;
}

export const DATASETS_PREFIX = 'datasets/';

/** The name of the object that says which manifest a dataset has. */
export function datasetName(dataset: string): string {
  return `${DATASETS_PREFIX}${dataset}.json`;
}

/** The name of the object that says which manifest a teacher from elsewhere has. */
export function teacherName(teacher: string): string {
  return `${teacherPrefix()}${teacher}.json`;
}

export function teacherPrefix(): string {
  return 'teachers/';
}

/** The name of one measurement of a benchmark's series; in the order of time. */
export function benchmarkName(series: string, at: string): string {
  return `${benchmarkPrefix(series)}${at.replaceAll(':', '')}.json`;
}

export function benchmarkPrefix(series: string): string {
  return `benchmarks/${series}/`;
}

/** The name of a file of a study's report, e.g. `index.html`. */
export function reportName(study: string, file: string): string {
  return `reports/${study}/${file}`;
}

function checkDigest(digest: string): string {
  if (DIGEST.test(digest)) return digest;
  throw new KdxError('CodeBug', `${JSON.stringify(digest)} is not a sha256 in lower-case hex`);
}
