import { ERROR_CODES, errorText, isKdxError, type ErrorCode } from '../../leg/errors.ts';

/** What TensorFlow says when it is refused memory. */
const OUT_OF_MEMORY = /OOM when allocating|RESOURCE_EXHAUSTED|Resource exhausted/i;
const ON_DEVICE = /GPU:|on device .*gpu/i;

/** How a failure leaves the process. */
export type Failure = {
  readonly code: ErrorCode;
  readonly exitCode: number;
  readonly message: string;
};

/** The code of whatever was thrown; what has none is a defect of ours. */
export function failureOf(error: unknown): Failure {
  const message = errorText(error);
  const code = isKdxError(error) ? error.code : codeOfForeign(message);
  return { code, exitCode: ERROR_CODES[code].exitCode, message };
}

function codeOfForeign(message: string): ErrorCode {
  if (!OUT_OF_MEMORY.test(message)) return 'CodeBug';
  return ON_DEVICE.test(message) ? 'OutOfDeviceMemory' : 'OutOfHostMemory';
}
