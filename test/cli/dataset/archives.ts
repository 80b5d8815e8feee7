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
    await zeros(join(path, file.name), file.records * recordBytes({ name }));
  }
}

const PLANE = 32 ** 2;

/**
 * Files that are a dataset by all that is known of it: noise whose channels have the published mean
 * and deviation, and as many images of every class as published.
 */
export function noiseFiles(name: Archived): Map<string, Uint8Array> {
  const { classes, labelBytes } = DATASETS[name];
  const stride = recordBytes({ name });
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

/** A batch of CIFAR's python version as its authors' Python 2 wrote it, from records. */
export function pythonBatch(name: Archived, bytes: Uint8Array): Uint8Array {
  const { labelBytes } = DATASETS[name];
  const stride = recordBytes({ name });
  const records = bytes.length / stride;
  const values = stride - labelBytes;
  const data = Buffer.alloc(records * values);
  for (let record = 0; record < records; record += 1) {
    data.set(bytes.subarray(record * stride + labelBytes, (record + 1) * stride), record * values);
  }
  const keys = name === 'cifar10' ? ['labels'] : ['coarse_labels', 'fine_labels'];
  const lists = keys.map((key, i) => {
    const labels = Array.from({ length: records }, (_, record) => bytes[record * stride + i] ?? 0);
    return [short(key), ']', '(', ...labels.map((label) => `K${chr(label)}`), 'e'].join('');
  });
  const head = `\x80\x02}q\x01(${short('batch_label')}${short('training batch 1 of 5')}${lists.join('')}${short('data')}`;
  const array = `cnumpy.core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85U\x01b\x87Rq\x08(K\x01J${int32(records)}M${chr(values % 256)}${chr(values >> 8)}\x86cnumpy\ndtype\nq\x09U\x02u1K\x00K\x01\x87Rq\x0a(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T${int32(data.length)}`;
  const tail = 'tbu.';
  return Buffer.concat([Buffer.from(head + array, 'latin1'), data, Buffer.from(tail)]);
}

/** The names of the classes, as the python version has them beside its batches. */
export function pythonMeta(name: Archived): Uint8Array {
  const key = name === 'cifar10' ? 'label_names' : 'fine_label_names';
  const names = DATASETS[name].classNames.map((text) => short(text.replaceAll(' ', '_')));
  return Buffer.from(`\x80\x02}${short(key)}](${names.join('')}es.`, 'latin1');
}

const chr = (code: number): string => String.fromCharCode(code);
const short = (text: string): string => `U${chr(text.length)}${text}`;

function int32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes.toString('latin1');
}

/** The files of the python version, as torchvision leaves them behind. */
export function pythonFiles(
  name: Archived,
  files: ReadonlyMap<string, Uint8Array>,
): Map<string, Uint8Array> {
  const batches = [...files].map(
    ([file, bytes]) => [file.replace('.bin', ''), pythonBatch(name, bytes)] as const,
  );
  const meta = name === 'cifar10' ? 'batches.meta' : 'meta';
  return new Map([...batches, [meta, pythonMeta(name)]]);
}
