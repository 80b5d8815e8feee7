import { S3Error } from 'minio';
import { type ErrorCode, KdxError } from '../leg/errors.ts';

/** Codes a server gives when the same request may succeed later. */
const TRANSIENT: ReadonlySet<string> = new Set([
  'ConditionalRequestConflict',
  'InternalError',
  'OperationAborted',
  'RequestTimeout',
  'ServerNotReady',
  'ServiceUnavailable',
  'SlowDown',
  'TooManyRequests',
  'XMinioServerNotInitialized',
]);

/** Codes that say our credentials are not those of the server. */
const REFUSED: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccountProblem',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidSecurity',
  'SignatureDoesNotMatch',
]);

/** The code of a server's answer, e.g. `NoSuchKey`; undefined when there was no answer. */
export function s3Code(error: unknown): string | undefined {
  return error instanceof S3Error ? error.code : undefined;
}

/** Whether the server says that the object is not there (its bucket being there). */
export function isAbsent(error: unknown): boolean {
  const code = s3Code(error);
  return code === 'NoSuchKey' || code === 'NotFound';
}

/** Broken connections and answers that mean "later"; a refusal is the same however often we ask. */
export function isTransient(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof KdxError) return false;
  const code = s3Code(error);
  // An answer without a code comes from a proxy in between, not from the store.
  return code === undefined || TRANSIENT.has(code);
}

/** One error for the caller: what was tried on which object, and why it failed. */
export function storeError(cause: unknown, what: string, as?: ErrorCode): KdxError {
  const code = s3Code(cause) ?? '';
  const kind = as ?? (REFUSED.has(code) ? 'Configuration' : 'ObjectStore');
  return new KdxError(kind, `${what}: ${[code, causeText(cause)].filter(Boolean).join(': ')}`, {
    cause,
  });
}

/** A connection tried on several addresses fails with an error that has no text of its own. */
function causeText(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') {
    return cause.errors.map(causeText).join('; ');
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  // The client wraps a status it could have tried again in words about its own retries.
  const status = /Retryable HTTP status: (\d+)/.exec(message)?.[1];
  return status === undefined ? message : `the server answers with HTTP status ${status}`;
}
