import type { DeviceKind } from '../study/catalog.ts';

export type { DeviceKind } from '../study/catalog.ts';

/** Workflows and short activities. */
export const STUDY_QUEUE = 'kdx';
/** Reports: they read the store and draw pages. */
export const REPORT_QUEUE = 'kdx-report';
/** MLflow: it may be away for days, and holds nothing else up. */
export const RECORD_QUEUE = 'kdx-record';

/** Legs that run as Kubernetes Jobs: a worker there only waits for them. */
export const JOB_QUEUE = 'kdx-jobs';
/** What ends Jobs: never behind those who wait for them. */
export const JOB_CONTROL_QUEUE = 'kdx-jobs-control';

/** The queue of a pool of pods with one flavour of device, which are workers themselves. */
export function poolQueue(flavour: string): string {
  return `kdx-gpu-${flavour}`;
}

/** The queue of legs that run as processes beside their worker: only a worker with the device takes them. */
export function legQueue(device: DeviceKind): string {
  return `kdx-legs-${device}`;
}
