import { ERROR_CODES, errorText, isKdxError, type ErrorCode } from '../../leg/errors.ts';

/** What TensorFlow and CUDA's libraries say when they are refused memory. */
const OUT_OF_MEMORY =
  /OOM when allocating|RESOURCE.EXHAUSTED|CUDA_ERROR_OUT_OF_MEMORY|STATUS_ALLOC_FAILED|failed to allocate .* from device/i;
const ON_DEVICE = /GPU:|on device .*gpu|CUDA_|CUBLAS_|CUDNN_|from device/i;

/** How a failure leaves the process. */
export type Failure = {
  readonly code: ErrorCode;
  readonly exitCode: number;
  readonly message: string;
};

/** The code of whatever was thrown; what has none is a defect of ours. */
export function failureOf(error: unknown): Failure {
  const message = errorText(error);
  // What our code calls a defect may have one of TensorFlow's errors as its cause.
  const isOurs = isKdxError(error) && error.code !== 'CodeBug';
  const code = isOurs ? error.code : codeOfForeign(message);
  return { code, exitCode: ERROR_CODES[code].exitCode, message };
}

function codeOfForeign(message: string): ErrorCode {
  if (!OUT_OF_MEMORY.test(message)) return 'CodeBug';
  return ON_DEVICE.test(message) ? 'OutOfDeviceMemory' : 'OutOfHostMemory';
}
