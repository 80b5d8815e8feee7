import type { LegSpec } from '../../../leg/spec.ts';
import { watchStore } from './watched-store.ts';
import type { LegBucket, LegControl, LegExit } from './world.ts';

/** What is done to a leg in the moment it makes a request. */
export type Blow = (leg: LegControl) => void;

export const terminate: Blow = (leg) => leg.kill('SIGTERM');
export const kill: Blow = (leg) => leg.kill('SIGKILL');
export const orphan: Blow = (leg) => leg.disconnect();

/** Whether a request to the store, by its verb and object, is the one to strike at. */
export type Moment = (verb: string, object: string) => boolean;

/** Runs a leg and strikes it once, at the first request of the moment; that of a killed leg is lost. */
export async function strike(
  bucket: LegBucket,
  spec: LegSpec,
  blow: Blow,
  isMoment: Moment,
  variables: Readonly<Record<string, string>> = {},
  fields: Readonly<Record<string, unknown>> = {},
): Promise<LegExit> {
  let leg: LegControl | undefined;
  let struck = false;
  const gateway = await watchStore(bucket.s3.endpoint, (verb, object) => {
    if (struck || leg === undefined || !isMoment(verb, object)) return 'pass';
    struck = true;
    blow(leg);
    return blow === kill ? 'drop' : 'pass';
  });
  try {
    return await bucket.run(spec, {
      variables: { KDX_S3_ENDPOINT: gateway.endpoint, ...variables },
      leg: fields,
      onStart: (control) => (leg = control),
    });
  } finally {
    await gateway.stop();
  }
}
