import type { RunRecord } from '../../leg/result.ts';
import type { Leg } from '../../leg/spec.ts';
import type { WorkEnd } from '../../learning/context.ts';

/** What is kept of a process that has come to the end of a leg's work. */
export function describeRun(
  { key, study, trial, launch, spec }: Leg,
  { outcome, imagesPerSecond, steadyImagesPerSecond, inputSeconds, resumedFrom }: WorkEnd,
  ran: Pick<
    RunRecord,
    'process' | 'host' | 'startedAt' | 'seconds' | 'deviceClass' | 'peakDeviceBytes'
  >,
): RunRecord {
  return {
    ...{ schema: 1, key, study, trial, launch, outcome, ...ran },
    ...(imagesPerSecond === undefined ? {} : { imagesPerSecond }),
    ...(steadyImagesPerSecond === undefined ? {} : { steadyImagesPerSecond }),
    ...(inputSeconds === undefined ? {} : { inputSeconds }),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    ...(resumedFrom === undefined ? {} : { resumedFrom }),
    code: spec.code,
  };
}
