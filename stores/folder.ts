import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { errorText, KdxError } from '../leg/errors.ts';
import { artifactsIn, type ArtifactStore } from './artifacts.ts';
import type { Aged, Listed, Objects, Stat, Unfinished } from './objects.ts';

/** Where files are written before they get their names; its own folder, so that it is never listed. */
const PARTIAL = '.partial';

/** Artifacts in a folder, by the same contract as in a bucket; for tests and for export. */
export function openFolderStore(folder: string): ArtifactStore {
  return artifactsIn(folderObjects(resolve(folder)));
}

function folderObjects(folder: string): Objects {
  return {
    location: folder,
    ensure: () => named(`create ${folder}`, () => ensure(folder)),
    ping: () => named(`reach ${folder}`, () => ping(folder)),
    get: (name) =>
      named(`read ${folder}/${name}`, () => unlessAbsent(readFile(join(folder, name)))),
    getAged: (name) =>
      named(`read ${folder}/${name}`, () => unlessAbsent(readAged(join(folder, name)))),
    stat: (name) => named(`look up ${folder}/${name}`, () => look(join(folder, name))),
    put: (name, bytes) =>
      named(`write ${folder}/${name}`, () => place(folder, name, bytes, rename)),
    putIfAbsent: (name, bytes) =>
      named(`write ${folder}/${name}`, () => placeIfAbsent(folder, name, bytes)),
    list: (prefix) => named(`list ${folder}/${prefix}`, () => list(folder, prefix)),
    scan: (prefix) => scan(folder, prefix),
    unfinished: () => named(`list ${folder}/${PARTIAL}`, () => unfinished(folder)),
    remove: (name) =>
      named(`remove ${folder}/${name}`, () => rm(join(folder, name), { force: true })),
  };
}

async function named<Value>(what: string, operation: () => Promise<Value>): Promise<Value> {
  try {
    return await operation();
  } catch (cause) {
    throw new KdxError('ObjectStore', `${what}: ${errorText(cause)}`, { cause });
  }
}

async function look(path: string): Promise<Stat | undefined> {
  const found = await unlessAbsent(stat(path));
  return found && { bytes: found.size, modifiedAt: found.mtimeMs };
}

async function* scan(folder: string, prefix: string): AsyncGenerator<readonly Listed[]> {
  for (const name of await named(`list ${folder}/${prefix}`, () => list(folder, prefix))) {
    const found = await look(join(folder, name));
    if (found !== undefined) yield [{ name, ...found }];
  }
}

async function unfinished(folder: string): Promise<readonly Unfinished[]> {
  const names = (await unlessAbsent(readdir(join(folder, PARTIAL)))) ?? [];
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, PARTIAL, name);
      const there = await look(path);
      return there && { name, ...there, remove: () => rm(path, { force: true }) };
    }),
  );
  return found.filter((each) => each !== undefined);
}

async function readAged(path: string): Promise<Aged> {
  const { mtimeMs } = await stat(path);
  return { bytes: await readFile(path), ageSeconds: (Date.now() - mtimeMs) / 1000 };
}

async function unlessAbsent<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function ensure(folder: string): Promise<void> {
  await mkdir(join(folder, PARTIAL), { recursive: true });
}

async function ping(folder: string): Promise<void> {
  await access(join(folder, PARTIAL), constants.R_OK | constants.W_OK);
}

/** Writes the bytes under a name of their own, then gives them the name asked for in one step. */
async function place(
  folder: string,
  name: string,
  bytes: Uint8Array,
  give: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const partial = join(folder, PARTIAL, randomUUID());
  const target = join(folder, name);
  try {
    const file = await open(partial, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await mkdir(dirname(target), { recursive: true });
    await give(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
}

async function placeIfAbsent(folder: string, name: string, bytes: Uint8Array): Promise<boolean> {
  try {
    // Unlike a rename, a link fails where the name is taken.
    await place(folder, name, bytes, link);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function list(folder: string, prefix: string): Promise<readonly string[]> {
  // Only the folder part of the prefix is walked, as a bucket's index would be.
  const start = join(folder, prefix.slice(0, prefix.lastIndexOf('/') + 1));
  const entries = await unlessAbsent(readdir(start, { recursive: true, withFileTypes: true }));
  return (entries ?? [])
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((name) => name.startsWith(prefix) && !name.startsWith(`${PARTIAL}/`))
    .sort();
}
