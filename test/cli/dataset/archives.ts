import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import type { ExecutionContext } from 'ava';
import { create } from 'tar';

import { PUBLISHED_MOMENTS, SUPERCLASSES } from '../../../cli/dataset/published.ts';
import { EXPECTED_FILES, recordBytes } from '../../../study/dataset-manifest.ts';
import { DATASETS } from '../../../study/datasets.ts';

export type Archived = 'cifar10' | 'cifar100';

/** A folder of the test. */
export async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kdx-test-dataset-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A file of zeros: black images of the first class. It takes no room on the disk. */
export async function zeros(path: string, bytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '');
  await truncate(path, bytes);
}

/** The files of a dataset, all of black images, in a folder. */
export async function blackFiles(path: string, name: Archived): Promise<void> {
  for (const file of EXPECTED_FILES[name]) {
    await zeros(join(path, file.name), file.records * recordBytes(name));
  }
}

const PLANE = 32 ** 2;

/**
 * Files that are a dataset by all that is known of it: noise whose channels have the published mean
 * and deviation, and as many images of every class as published.
 */
export function noiseFiles(name: Archived): Map<string, Uint8Array> {
  const { classes, labelBytes } = DATASETS[name];
  const stride = recordBytes(name);
  const files = EXPECTED_FILES[name].map(({ name: file, records }) => {
    const bytes = new Uint8Array(records * stride);
    const channels = channelNoise(name, file, records + PLANE);
    for (let record = 0; record < records; record += 1) {
      const label = record % classes;
      const start = record * stride;
      bytes.set(labelsOf(name, label), start);
      channels.forEach((noise, channel) => {
        const plane = noise.subarray(record, record + PLANE);
        bytes.set(plane, start + labelBytes + channel * PLANE);
      });
    }
    return [file, bytes] as const;
  });
  return new Map(files);
}

/** Uniform values, which stay within [0, 255] for CIFAR's moments: half the width is √3 deviations. */
function channelNoise(name: Archived, file: string, length: number): readonly Uint8Array[] {
  const { mean, std } = PUBLISHED_MOMENTS[name];
  return mean.map((centre, channel) => {
    const half = Math.sqrt(3) * (std[channel] ?? 0);
    const random = createHash('shake256', { outputLength: length })
      .update(`${file} ${channel}`)
      .digest();
    return Uint8Array.from(random, (value) =>
      Math.min(255, Math.max(0, Math.round(255 * (centre + half * (value / 127.5 - 1))))),
    );
  });
}

function labelsOf(name: Archived, label: number): readonly number[] {
  if (name === 'cifar10') return [label];
  return [label % SUPERCLASSES, label];
}

/** Writes files into a folder, which is made. */
export async function writeFiles(
  path: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  await mkdir(path, { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(path, name), bytes);
}

/** Packs a folder as it would be distributed. */
export async function pack(path: string): Promise<string> {
  const archive = `${path}.tar.gz`;
  await create({ file: archive, gzip: { level: 1 }, cwd: dirname(path) }, [basename(path)]);
  return archive;
}
