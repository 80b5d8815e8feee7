import { KdxError } from '../leg/errors.ts';
import type { Variables } from './variables.ts';

/** Workers of one deployment share studies by their builds. */
export type DeploymentVariables = {
  readonly name: string;
  /** Absent: by the package's version and the sources. */
  readonly buildId?: string;
};

/**
 * `KDX_DEPLOYMENT`, where studies are to end on the build that they began on; absent: every worker
 * takes every study.
 * @throws KdxError Configuration where a build is named and no deployment
 */
export function readDeployment(variables: Variables): DeploymentVariables | undefined {
  const { KDX_DEPLOYMENT: name, KDX_BUILD_ID: buildId } = variables;
  if (name !== undefined) return { name, ...(buildId === undefined ? {} : { buildId }) };
  if (buildId === undefined) return undefined;
  throw new KdxError(
    'Configuration',
    'KDX_BUILD_ID: set without KDX_DEPLOYMENT, which it is a build of',
  );
}
