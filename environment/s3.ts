import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorText, KdxError } from '../leg/errors.ts';
import { checkVariables, required, type Variables } from './variables.ts';

/** How to reach the object store. */
export type S3Environment = {
  /** `http://host:port` or `https://host:port` */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
};

/**
 * The object store: the only server that a leg needs. Its credentials are in two variables, or in the
 * files `accessKey` and `secretKey` of the folder `KDX_S3_CREDENTIALS_DIR`, as a mounted secret has
 * them: a variable can be read in the description of a pod.
 * @throws KdxError `Configuration` (exit 78) naming the first variable or file that is unknown, absent
 *   or malformed, its value and what is allowed
 */
export function readS3Environment(variables: Variables): S3Environment {
  checkVariables(variables);
  return {
    endpoint: required(variables, 'KDX_S3_ENDPOINT'),
    ...credentials(variables),
    bucket: required(variables, 'KDX_S3_BUCKET'),
  };
}

type Credentials = Pick<S3Environment, 'accessKey' | 'secretKey'>;

function credentials(variables: Variables): Credentials {
  const folder = variables['KDX_S3_CREDENTIALS_DIR'];
  if (folder === undefined) {
    return {
      accessKey: required(variables, 'KDX_S3_ACCESS_KEY'),
      secretKey: required(variables, 'KDX_S3_SECRET_KEY'),
    };
  }
  const both = ['KDX_S3_ACCESS_KEY', 'KDX_S3_SECRET_KEY'].find((name) => variables[name]);
  if (both !== undefined) {
    const message = `${both}: set beside KDX_S3_CREDENTIALS_DIR; allowed: one of the two ways`;
    throw new KdxError('Configuration', message);
  }
  // The same rules hold for the files as for the variables.
  const found = {
    KDX_S3_ACCESS_KEY: secretFile(folder, 'accessKey'),
    KDX_S3_SECRET_KEY: secretFile(folder, 'secretKey'),
  };
  checkVariables(found);
  return { accessKey: found.KDX_S3_ACCESS_KEY, secretKey: found.KDX_S3_SECRET_KEY };
}

function secretFile(folder: string, name: string): string {
  const path = join(folder, name);
  try {
    // An editor ends a file with a line end; no secret has one.
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    const message = `KDX_S3_CREDENTIALS_DIR: ${path} cannot be read: ${errorText(cause)}`;
    throw new KdxError('Configuration', message, { cause });
  }
}
