/**
 * Every way a piece of work can be refused or fail, as one closed list. The codes are the failure
 * types a user sees in Temporal; `advice` is what she does about it.
 */
export const ERROR_CODES = {
  SpecInvalid: { retry: false, exitCode: 64, advice: 'Correct the study at the place named.' },
  DataMismatch: {
    retry: false,
    exitCode: 65,
    advice: 'Fetch the dataset again; its bytes differ from the registered ones.',
  },
  CheckpointCorrupt: {
    retry: false,
    exitCode: 65,
    advice: 'Delete what is named: a leg without checkpoints starts anew, to the same bytes.',
  },
  Diverged: {
    retry: false,
    exitCode: 65,
    advice: 'Lower the learning rate; the report shows where each loss was lost.',
  },
  CodeBug: {
    retry: false,
    exitCode: 70,
    advice: 'Read the log of the process and report the defect.',
  },
  Stopped: { retry: true, exitCode: 75, advice: 'Nothing: the leg goes on from its checkpoint.' },
  OutOfHostMemory: { retry: true, exitCode: 137, advice: 'Give the leg more memory.' },
  OutOfDeviceMemory: {
    retry: true,
    exitCode: 76,
    advice: 'Choose a larger GPU or a smaller batch.',
  },
  Disrupted: { retry: true, exitCode: 143, advice: 'Nothing: the leg is launched again.' },
  NodeLost: {
    retry: true,
    exitCode: 143,
    advice: 'Nothing: the leg is launched again on another node.',
  },
  Stalled: {
    retry: true,
    exitCode: 143,
    advice: 'Read the log: no progress was made for too long.',
  },
  ImagePull: { retry: true, exitCode: 78, advice: 'Check the image name and its pull secret.' },
  Unschedulable: { retry: true, exitCode: 78, advice: 'Ask for fewer resources or add nodes.' },
  Configuration: {
    retry: false,
    exitCode: 78,
    advice: 'Correct the environment variable or the credentials named.',
  },
  CodeMismatch: {
    retry: false,
    exitCode: 78,
    advice: 'Bring worker and trainer to the same build (`kdx up` writes the code index).',
  },
  ObjectStore: {
    retry: true,
    exitCode: 69,
    advice: 'Check that the S3 endpoint is up; work goes on when it is.',
  },
  Download: {
    retry: false,
    exitCode: 69,
    advice:
      'Look whether the address is reachable, and do the same again: it goes on where it was.',
  },
  Tracking: { retry: true, exitCode: 69, advice: 'Check MLflow; nothing waits for it.' },
  BudgetExceeded: {
    retry: false,
    exitCode: 64,
    advice: 'Raise limits.gpuHours or shrink the study.',
  },
  Terminated: {
    retry: false,
    exitCode: 75,
    advice: 'Somebody terminated the workflow of the trial: start the study again, or retryFailed.',
  },
  TimedOut: {
    retry: false,
    exitCode: 75,
    advice: 'A time limit set from outside ended it: start the study again, or retryFailed.',
  },
  Quarantined: {
    retry: false,
    exitCode: 70,
    advice: 'The same defect struck three times: see the logs.',
  },
} as const satisfies Record<string, { retry: boolean; exitCode: number; advice: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A failure with a code of the closed list; the message names the place, the value, what is allowed. */
export class KdxError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KdxError';
    this.code = code;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exitCode;
  }
}

/** Whether a thrown value is one of ours, with its code narrowed. */
export function isKdxError(error: unknown): error is KdxError {
  return error instanceof KdxError;
}

/** Text of any thrown value, causes included, for one log line. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${errorText(error.cause)}`;
}
