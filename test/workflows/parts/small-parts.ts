/** The workflow types, with `reproduce` in parts of a few trials: a test of many parts takes no thousands. */
import type { reproduce as reproduceInLargeParts } from '../../../workflows/index.ts';
import { runStudy } from '../../../workflows/study.ts';

export * from '../../../workflows/index.ts';
export { default } from '../../../workflows/index.ts';

export const PART_TRIALS = 8;

export const reproduce: typeof reproduceInLargeParts = (input, carry) =>
  runStudy(
    input,
    { sections: ['teacher', 'explain', 'sweep'], report: true, partTrials: PART_TRIALS },
    carry,
  );
