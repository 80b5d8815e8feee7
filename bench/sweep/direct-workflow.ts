/** The direct way to run many trials on Temporal: one workflow, an activity each. */
import { proxyActivities } from '@temporalio/workflow';

type Activities = { runTrial(number: number): Promise<void> };

const { runTrial } = proxyActivities<Activities>({ startToCloseTimeout: '1 minute' });

export async function direct(trials: number, parallel: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < trials) {
      next += 1;
      await runTrial(next);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
}
