const SECONDS_PER_HOUR = 3600;

/** What a launch of a trial's leg used, as the trial reports it to its study. */
export type LaunchEnd = { readonly key: string; readonly deviceSeconds: number };

/** A trial under way: what its launch has used as last measured, and how many launches have ended. */
type Meter = { measuredSeconds: number; launchesEnded: number };

/**
 * The device time of a study that limits it. Launches that have ended have reported theirs; of those under
 * way it is measured now and then.
 */
export type DeviceAccount = {
  /** Grows with the update `extendBudget`. */
  limitSeconds: number;
  endedSeconds: number;
  /** Trials that this study runs itself, by key. */
  readonly underWay: Map<string, Meter>;
};

/** What was asked of a trial under way, so that an answer that comes too late is seen to be. */
export type Reading = { readonly key: string; readonly launchesEnded: number };

/**
 * Opens the account of a study; undefined where it sets no limit.
 *
 * @param extraSeconds what the limit has been extended by
 */
export function openAccount(
  gpuHours: number | undefined,
  endedSeconds: number,
  extraSeconds = 0,
): DeviceAccount | undefined {
  if (gpuHours === undefined) return undefined;
  const limitSeconds = gpuHours * SECONDS_PER_HOUR + extraSeconds;
  return { limitSeconds, endedSeconds, underWay: new Map() };
}

/** Raises the limit by hours; answers the new one, in hours. */
export function extend(account: DeviceAccount, hours: number): number {
  account.limitSeconds += hours * SECONDS_PER_HOUR;
  return account.limitSeconds / SECONDS_PER_HOUR;
}

/** How far a limit is above the one that the study was started with. */
export function extendedSeconds(
  { limitSeconds }: DeviceAccount,
  { gpuHours = 0 }: { readonly gpuHours?: number | undefined },
): number {
  return limitSeconds - gpuHours * SECONDS_PER_HOUR;
}

/** Device time that is known to have been used. */
export function usedSeconds({ endedSeconds, underWay }: DeviceAccount): number {
  return [...underWay.values()].reduce((sum, meter) => sum + meter.measuredSeconds, endedSeconds);
}

/** What may still be used. */
export function secondsLeft(account: DeviceAccount): number {
  return Math.max(0, account.limitSeconds - usedSeconds(account));
}

/** Whether a study has used the device time that it may; false where it sets no limit. */
export function isSpent(account: DeviceAccount | undefined): boolean {
  return account !== undefined && usedSeconds(account) >= account.limitSeconds;
}

/** An account in hours, as the study writes its limit. */
export function hoursOf(account: DeviceAccount): { readonly used: number; readonly limit: number } {
  const { limitSeconds } = account;
  return { used: usedSeconds(account) / SECONDS_PER_HOUR, limit: limitSeconds / SECONDS_PER_HOUR };
}

export function noteTrialStart({ underWay }: DeviceAccount, key: string): void {
  underWay.set(key, { measuredSeconds: 0, launchesEnded: 0 });
}

/** A launch has ended and says what it used: that takes the place of what was measured. */
export function noteLaunchEnd(account: DeviceAccount, { key, deviceSeconds }: LaunchEnd): void {
  account.endedSeconds += deviceSeconds;
  const meter = account.underWay.get(key);
  if (meter === undefined) return;
  meter.measuredSeconds = 0;
  meter.launchesEnded += 1;
}

/** A trial has ended; what its last launch did not report, if it was terminated, counts as measured. */
export function noteTrialEnd(account: DeviceAccount, key: string): void {
  account.endedSeconds += account.underWay.get(key)?.measuredSeconds ?? 0;
  account.underWay.delete(key);
}

/** The trials to measure. */
export function readings({ underWay }: DeviceAccount): readonly Reading[] {
  return [...underWay].map(([key, { launchesEnded }]) => ({ key, launchesEnded }));
}

/** Notes what was measured of a launch, unless it has ended since and reported what it used. */
export function noteMeasured(account: DeviceAccount, asked: Reading, seconds: number): void {
  const meter = account.underWay.get(asked.key);
  if (meter?.launchesEnded === asked.launchesEnded) meter.measuredSeconds = seconds;
}
