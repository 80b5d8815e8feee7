import type { Executor, LegEnd, LegWatch } from '../../leg/ports.ts';
import { launchName, type Leg } from '../../leg/spec.ts';
import { stopHolders } from '../lease.ts';
import { CUDA_FILES, endWithoutDevice } from './device.ts';
import { startLaunch, type LaunchUnderWay } from './launch.ts';
import type { LocalExecutorOptions } from './options.ts';
import { createSlots } from './slots.ts';

const REPORT_MILLISECONDS = 5000;
/** Ends that nobody has waited for are kept until they are asked for, the youngest ones. */
const ENDS_KEPT = 1000;

/**
 * Runs legs as child processes of the worker. A key runs once: a second call adopts the process under
 * way, here or, by its lease, on another host. A process that nobody waits for goes on: it holds its
 * lease, and the next caller adopts it. It ends with this worker, though.
 */
export function createLocalExecutor(options: LocalExecutorOptions): Executor {
  const underWay = new Map<string, LaunchUnderWay>();
  const unclaimed = new Map<string, LegEnd>();
  const { cpu, cuda } = options.slots ?? { cpu: Infinity, cuda: Infinity };
  const slots = { cpu: createSlots(cpu), cuda: createSlots(cuda) };
  const start = (leg: Leg): LaunchUnderWay => {
    const launch = startLaunch(options, slots[leg.spec.device.kind], leg);
    underWay.set(leg.key, launch);
    const forget = (): void => void underWay.delete(leg.key);
    launch.ended.then((end) => {
      forget();
      if (launch.watches.size === 0) keep(unclaimed, launchName(leg), end);
    }, forget);
    return launch;
  };
  return {
    name: 'local',
    run: async (leg, watch) => {
      const refused = endWithoutDevice(leg, options.cudaFiles ?? CUDA_FILES);
      if (refused !== undefined) return refused;
      const name = launchName(leg);
      const end = unclaimed.get(name);
      if (end !== undefined) {
        unclaimed.delete(name);
        return end;
      }
      return await follow(underWay.get(leg.key) ?? start(leg), watch);
    },
    stop: async ({ key }) => {
      const launch = underWay.get(key);
      launch?.stop();
      await launch?.ended.catch(() => undefined);
      await stopHolders(options.leases, key);
    },
  };
}

/** Waits for a launch until it has ended or the caller leaves it. */
async function follow(launch: LaunchUnderWay, watch: LegWatch): Promise<LegEnd> {
  const { signal } = watch;
  launch.watches.add(watch);
  const left = Promise.withResolvers<never>();
  const leave = (): void => {
    if (signal.reason !== 'abandon') return launch.stop();
    launch.watches.delete(watch);
    if (launch.watches.size === 0) launch.abandon();
    left.reject(new Error('the launch was left to another caller'));
  };
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  const timer = setInterval(() => watch.report(launch.word()), REPORT_MILLISECONDS);
  try {
    return await Promise.race([launch.ended, left.promise]);
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', leave);
  }
}

function keep(unclaimed: Map<string, LegEnd>, name: string, end: LegEnd): void {
  unclaimed.set(name, end);
  const [oldest] = unclaimed.keys();
  if (unclaimed.size > ENDS_KEPT && oldest !== undefined) unclaimed.delete(oldest);
}
