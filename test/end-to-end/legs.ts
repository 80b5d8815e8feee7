import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { isAlive, identityOf } from '../../stack/identity.ts';
import type { Checkpoint } from '../../leg/result.ts';
import type { Leg } from '../../leg/spec.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { checkpointNames } from '../../stores/checkpoints.ts';
import { resultName } from '../../stores/names.ts';
import { processesOf, type TestStack } from '../servers/stack.ts';

/** A leg's process in mid-training, held by SIGSTOP so that it stays there. */
export type HeldLeg = {
  readonly leg: Leg;
  readonly pid: number;
  /** Its newest checkpoint. */
  readonly position: Pick<Checkpoint, 'epoch' | 'step'>;
  /** Whether it will hear of a SIGTERM once it goes on. */
  isToldToStop(): boolean;
  /** Lets it go on. */
  release(): void;
};

type Wanted = (leg: Leg) => boolean;

async function readLeg(store: ArtifactStore, digest: string): Promise<Leg> {
  return JSON.parse(new TextDecoder().decode(await store.getBlob(digest))) as Leg;
}

/** Whether a trainer runs this launch of a leg now. */
export async function isLaunched(
  stack: TestStack,
  store: ArtifactStore,
  { key, launch }: Pick<Leg, 'key' | 'launch'>,
): Promise<boolean> {
  const trainers = await trainersOf(stack);
  const legs = await Promise.all(trainers.map(([, digest]) => readLeg(store, digest)));
  return legs.some((leg) => leg.key === key && leg.launch === launch);
}

/** Pids of the trainers of a stack, with the digest of the leg each was told to run. */
export async function trainersOf(
  stack: TestStack,
): Promise<readonly (readonly [number, string])[]> {
  return (await processesOf(stack)).flatMap(({ pid, variables }) => {
    const digest = variables['KDX_LEG'];
    return digest === undefined ? [] : [[pid, digest] as const];
  });
}

/**
 * Holds a leg that has written a checkpoint, has no result yet, and has at least half of its
 * training to go: whatever happens to it now happens in mid-training. Undefined while there is none.
 */
export async function holdLeg(
  stack: TestStack,
  store: ArtifactStore,
  isWanted: Wanted = () => true,
): Promise<HeldLeg | undefined> {
  for (const [pid, digest] of await trainersOf(stack)) {
    const leg = await readLeg(store, digest);
    const isCandidate = isWanted(leg) && (await progressOf(store, leg)) !== undefined;
    const held = isCandidate ? await hold(store, leg, pid) : undefined;
    if (held !== undefined) return held;
  }
  return undefined;
}

async function hold(store: ArtifactStore, leg: Leg, pid: number): Promise<HeldLeg | undefined> {
  const identity = identityOf(pid);
  if (identity === undefined) return undefined;
  process.kill(pid, 'SIGSTOP');
  // From here on nothing moves: what the store says now is how things stand.
  const position = await progressOf(store, leg);
  const isUnderWay = (await store.get(resultName(leg.key))) === undefined;
  const release = (): void => {
    if (isAlive(identity)) process.kill(pid, 'SIGCONT');
  };
  if (position !== undefined && isUnderWay && isAlive(identity)) {
    return { leg, pid, position, isToldToStop: () => isPending(pid, SIGTERM), release };
  }
  release();
  return undefined;
}

const { SIGTERM } = constants.signals;

/** Whether a signal waits for a process that is held. */
function isPending(pid: number, signal: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mask = BigInt(`0x${/^ShdPnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return ((mask >> BigInt(signal - 1)) & 1n) === 1n;
}

/** The newest checkpoint of a leg, unless more than half of its training is done. */
async function progressOf(
  store: ArtifactStore,
  { key, spec }: Leg,
): Promise<HeldLeg['position'] | undefined> {
  if (spec.kind !== 'train') return undefined;
  const newest = (await checkpointNames(store, key)).at(-1);
  if (newest === undefined) return undefined;
  const checkpoint = (await store.getJson(newest)) as Checkpoint | undefined;
  if (checkpoint === undefined) return undefined;
  const { epoch, step } = checkpoint;
  const steps = Math.ceil(spec.dataset.split.train / spec.train.batch);
  const isEarly = epoch * steps + step <= (spec.train.epochs * steps) / 2;
  return isEarly ? { epoch, step } : undefined;
}

/** Removes a stack, whose legs a test that failed may have left held. */
export async function tidy(stack: TestStack): Promise<void> {
  for (const [pid] of await trainersOf(stack)) process.kill(pid, 'SIGCONT');
  await stack.remove();
}
