import type { ErrorCode } from './errors.ts';

/** How a leg ended. `done` covers a diverged training too when its result says so. */
export const OUTCOMES = [
  'done',
  'stopped',
  'diverged',
  'hostMemory',
  'deviceMemory',
  'disrupted',
  'nodeLost',
  'stalled',
  'imagePull',
  'unschedulable',
  'badSpec',
  'badData',
  'bug',
  'configuration',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The leg process's exit codes (after sysexits.h where one fits). */
export const EXIT = {
  done: 0,
  badSpec: 64,
  badData: 65,
  unavailable: 69,
  bug: 70,
  stopped: 75,
  deviceMemory: 76,
  configuration: 78,
  /** As the kernel's own kill looks to a shell; TensorFlow was refused memory. */
  hostMemory: 137,
} as const;

/** What an exit code of a leg's process means. */
export const OUTCOME_BY_EXIT: Readonly<Record<number, Outcome>> = {
  [EXIT.done]: 'done',
  [EXIT.badSpec]: 'badSpec',
  [EXIT.badData]: 'badData',
  // The store was out of reach for longer than the leg waits: time mends it.
  [EXIT.unavailable]: 'disrupted',
  [EXIT.bug]: 'bug',
  [EXIT.stopped]: 'stopped',
  [EXIT.deviceMemory]: 'deviceMemory',
  [EXIT.hostMemory]: 'hostMemory',
  [EXIT.configuration]: 'configuration',
};

/** What an exit code of a leg's process says; one outside the table is a bug. */
export function outcomeOfExit(exitCode: number): Outcome {
  return OUTCOME_BY_EXIT[exitCode] ?? 'bug';
}

/** The failure code a trial ends with when an outcome cannot be mended. */
export const OUTCOME_ERROR: Readonly<Record<Exclude<Outcome, 'done' | 'diverged'>, ErrorCode>> = {
  stopped: 'Stopped',
  hostMemory: 'OutOfHostMemory',
  deviceMemory: 'OutOfDeviceMemory',
  disrupted: 'Disrupted',
  nodeLost: 'NodeLost',
  stalled: 'Stalled',
  imagePull: 'ImagePull',
  unschedulable: 'Unschedulable',
  badSpec: 'SpecInvalid',
  badData: 'DataMismatch',
  bug: 'CodeBug',
  configuration: 'Configuration',
};
