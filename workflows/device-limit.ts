import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import {
  isSpent,
  noteMeasured,
  readings,
  usedSeconds,
  type DeviceAccount,
} from './device-account.ts';
import { measureLegs } from './proxies.ts';
import type { StudyRun } from './state.ts';
import { trialWorkflowId } from './trial.ts';

/** Measuring more often than this is not worth its events; heartbeats are as old as that. */
const SHORTEST_SECONDS = 10;
/** So that the query `status` is never further behind. */
const LONGEST_SECONDS = 3600;

/**
 * Runs `body`, the trials of a study, and watches the device time of their legs meanwhile. At the
 * limit, `run.legs` is cancelled: the legs under way write their checkpoints and end.
 */
export async function withinDeviceLimit<T>(run: StudyRun, body: () => Promise<T>): Promise<T> {
  const { device } = run;
  if (device === undefined) return await body();
  const legs = new CancellationScope();
  run.legs = legs;
  const watch = new CancellationScope();
  const watched = watch
    .run(() => untilSpent(device))
    .then(() => legs.cancel())
    .catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
  const [value] = await Promise.all([body().finally(() => watch.cancel()), watched]);
  return value;
}

/**
 * Resolves when the limit is reached. Heartbeats say what legs under way have used, and asking for
 * them costs events; so it is asked no sooner than the limit could be reached if every trial under
 * way held a device all the time. This estimate only schedules the next measurement; a measured value
 * stops the study: trials that wait for a slot, and a machine that was off overnight, use nothing.
 */
async function untilSpent(device: DeviceAccount): Promise<void> {
  const { underWay } = device;
  let mostSeconds = usedSeconds(device);
  while (!isSpent(device)) {
    await condition(() => underWay.size > 0 || isSpent(device));
    if (isSpent(device)) return;
    const trials = underWay.size;
    const from = Date.now();
    const soonest = (device.limitSeconds - mostSeconds) / trials;
    const wait = Math.min(LONGEST_SECONDS, Math.max(SHORTEST_SECONDS, soonest));
    const hasChanged = (): boolean => isSpent(device) || underWay.size > trials;
    const changed = await condition(hasChanged, wait * 1000);
    mostSeconds += (trials * (Date.now() - from)) / 1000;
    if (changed && mostSeconds < device.limitSeconds) continue;
    const asked = Date.now();
    await measure(device);
    mostSeconds = usedSeconds(device) + (underWay.size * (Date.now() - asked)) / 1000;
  }
}

async function measure(device: DeviceAccount): Promise<void> {
  const asked = readings(device);
  const measured = await measureLegs(asked.map(({ key }) => trialWorkflowId(key)));
  asked.forEach((reading, i) => noteMeasured(device, reading, measured[i] ?? 0));
}
