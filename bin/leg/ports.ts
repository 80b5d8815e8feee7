import { errorText } from '../../leg/errors.ts';
import type { Checkpoint, Progress } from '../../leg/result.ts';
import type { LegPorts } from '../../learning/ports.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import {
  checkpointName,
  checkpointPrefix,
  progressName,
  resultName,
  runName,
} from '../../stores/names.ts';
import { canonicalJson } from '../../study/canonical.ts';

/** A checkpoint and the one before it: should the newest be damaged, the other is whole. */
const KEPT_CHECKPOINTS = 2;
const PROGRESS_OBJECT_SECONDS = 15;

export type PortOptions = {
  readonly store: ArtifactStore;
  readonly readBlob: LegPorts['readBlob'];
  readonly key: string;
  readonly attempt: string;
  readonly stopRequested: () => boolean;
  /** Sends to the parent process; does nothing where there is none. */
  readonly send: (progress: Progress) => void;
  readonly warn: (message: string) => void;
};

/** What a leg needs of the world, from the artifact store and the channel to its parent. */
export function createPorts(options: PortOptions): LegPorts {
  const { store, readBlob, key, attempt, stopRequested } = options;
  return {
    readBlob,
    writeBlob: (bytes) => store.putBlob(bytes),
    listCheckpoints: () => listCheckpoints(options),
    commitCheckpoint: (checkpoint) => commitCheckpoint(store, checkpoint),
    commitResult: async (result) => {
      await store.putOnce(resultName(key), encode(result));
    },
    recordRun: (run) => store.putLatest(runName(key, attempt), encode(run)),
    progress: createProgressPort(options),
    stopRequested,
  };
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(canonicalJson(value));
}

async function listCheckpoints({ store, key, warn }: PortOptions): Promise<readonly Checkpoint[]> {
  const names = await store.list(checkpointPrefix(key));
  const found: Checkpoint[] = [];
  for (const name of names.toReversed()) {
    const checkpoint = (await store.getJson(name).catch((error: unknown) => {
      warn(`${name} is left out: ${errorText(error)}`);
    })) as Checkpoint | undefined;
    if (checkpoint?.key === key) found.push(checkpoint);
  }
  return found;
}

/** An attempt that resumed and came here again may replace the manifest: either one is whole. */
async function commitCheckpoint(store: ArtifactStore, checkpoint: Checkpoint): Promise<void> {
  const { key, epoch, step } = checkpoint;
  await store.putLatest(checkpointName(key, epoch, step), encode(checkpoint));
  const names = await store.list(checkpointPrefix(key));
  for (const name of names.slice(0, -KEPT_CHECKPOINTS)) await store.remove(name);
}

/** Through the channel at once; to the store now and then, and never waited for. */
function createProgressPort({
  store,
  key,
  attempt,
  send,
  warn,
}: PortOptions): LegPorts['progress'] {
  let written = Number.NEGATIVE_INFINITY;
  return (progress) => {
    send(progress);
    const now = performance.now();
    if (now - written < PROGRESS_OBJECT_SECONDS * 1000) return;
    written = now;
    store.putLatest(progressName(key, attempt), encode(progress)).catch((error: unknown) => {
      warn(`progress is not stored: ${errorText(error)}`);
    });
  };
}
