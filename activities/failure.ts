import { ApplicationFailure } from '@temporalio/common';
import { ERROR_CODES, errorText, isKdxError } from '../leg/errors.ts';

/** Characters of an error's text that go into a history; details are in the leg's log. */
const MAX_MESSAGE = 2000;

/**
 * Lets an error of ours cross into Temporal: its code becomes the failure type, retried or not as
 * the closed list says. Any other error passes as it is and is retried.
 */
export async function crossing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isKdxError(error)) throw error;
    throw ApplicationFailure.create({
      type: error.code,
      message: errorText(error).slice(0, MAX_MESSAGE),
      nonRetryable: !ERROR_CODES[error.code].retry,
      cause: error,
    });
  }
}
