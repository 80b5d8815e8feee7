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
 * The object store: the only server that a leg needs.
 * @throws KdxError `Configuration` (exit 78) naming the first variable that is unknown, absent or
 *   malformed, its value and what is allowed
 */
export function readS3Environment(variables: Variables): S3Environment {
  checkVariables(variables);
  return {
    endpoint: required(variables, 'KDX_S3_ENDPOINT'),
    accessKey: required(variables, 'KDX_S3_ACCESS_KEY'),
    secretKey: required(variables, 'KDX_S3_SECRET_KEY'),
    bucket: required(variables, 'KDX_S3_BUCKET'),
  };
}
