/** A leg's world in memory: its blobs and checkpoints, with the digits in it. */
import { readFileSync } from 'node:fs';

import { KdxError } from '../../leg/errors.ts';
import type { Checkpoint, Progress } from '../../leg/result.ts';
import type { LegContext } from '../../learning/context.ts';
import type { LegPorts } from '../../leg/ports.ts';
import { digestBytes, digestJson } from '../../study/canonical.ts';
import {
  DIGITS_FOLDER,
  DIGITS_MANIFEST,
  manifestBytes,
  manifestDigest,
} from '../../study/dataset-manifest.ts';
import type { LegSpec } from '../../study/spec.ts';

export type Memory = {
  readonly blobs: Map<string, Uint8Array>;
  /** Digests in the order they were read. */
  readonly reads: string[];
  readonly progress: Progress[];
  /** Context of a leg; it is asked to stop once it has looked `stopAfter` times whether it is to. */
  context(spec: LegSpec, stopAfter?: number): LegContext;
};

/** A few of the real digits. */
export const FEW_DIGITS = {
  name: 'digits',
  digest: manifestDigest(DIGITS_MANIFEST),
  preset: 'correct',
  split: { train: 150, validation: 0, test: 50 },
} as const;

export function createMemory(): Memory {
  const blobs = new Map<string, Uint8Array>();
  const checkpoints = new Map<string, Checkpoint[]>();
  const reads: string[] = [];
  const progress: Progress[] = [];
  const put = (bytes: Uint8Array): string => {
    const digest = digestBytes(bytes);
    blobs.set(digest, Uint8Array.from(bytes));
    return digest;
  };
  put(manifestBytes(DIGITS_MANIFEST));
  for (const { name } of DIGITS_MANIFEST.files) {
    put(readFileSync(new URL(`../../${DIGITS_FOLDER}/${name}`, import.meta.url)));
  }
  const read = (digest: string): Promise<Uint8Array> => {
    reads.push(digest);
    const bytes = blobs.get(digest);
    if (bytes !== undefined && digestBytes(bytes) === digest) return Promise.resolve(bytes);
    return Promise.reject(new KdxError('DataMismatch', `${digest} is not there`));
  };
  const portsOf = (key: string, stopAfter: number): LegPorts => {
    let looks = 0;
    return {
      readBlob: read,
      writeBlob: (bytes) => Promise.resolve({ digest: put(bytes), bytes: bytes.length }),
      readPart: read,
      writePart: (bytes) => Promise.resolve({ digest: put(bytes), bytes: bytes.length }),
      listCheckpoints: () => Promise.resolve(checkpoints.get(key)?.toReversed() ?? []),
      commitCheckpoint: (checkpoint) => {
        checkpoints.set(key, [...(checkpoints.get(key) ?? []), checkpoint]);
        return Promise.resolve();
      },
      commitResult: () => Promise.resolve(),
      recordRun: () => Promise.resolve(),
      progress: (word) => void progress.push(word),
      stopRequested: () => ++looks > stopAfter,
    };
  };
  return {
    ...{ blobs, reads, progress },
    context: (spec, stopAfter = Number.POSITIVE_INFINITY) => {
      const key = digestJson(spec);
      return {
        ...{ key, trial: 'test', process: 'a', ports: portsOf(key, stopAfter) },
        deviceClass: { kind: 'cpu', model: 'test', threads: 1, tensorflow: 'test' },
        checkpointSeconds: Number.POSITIVE_INFINITY,
        now: () => performance.now() / 1000,
        warn: () => undefined,
      };
    },
  };
}
