import { errorText, KdxError } from '../leg/errors.ts';
import { canonicalJson, digestJson } from '../study/canonical.ts';
import type { ImportedTeacher } from '../study/imported-teacher.ts';
import { importsOf, pinImports } from '../study/imports.ts';
import { problemsText } from '../study/resolve.ts';
import type { Study } from '../study/schema.ts';
import type { ArtifactStore } from './artifacts.ts';
import { teacherName, teacherPrefix } from './names.ts';

/** What is known of a teacher but its weights. */
export type TeacherFacts = ImportedTeacher extends infer Known
  ? Known extends ImportedTeacher
    ? Omit<Known, 'schema' | 'weights'>
    : never
  : never;

/** What lies at a teacher's name. */
type Pointer = { readonly schema: 1; readonly manifest: string };

/**
 * Stores a teacher from elsewhere: its weights and its manifest by digest, then the name, which makes
 * it visible. One of the same name is replaced; studies that have it keep theirs. Returns the digest of
 * the manifest.
 */
export async function publishTeacher(
  store: Pick<ArtifactStore, 'putBlob' | 'putLatest'>,
  name: string,
  weights: Uint8Array,
  facts: TeacherFacts,
): Promise<string> {
  const { digest } = await store.putBlob(weights);
  const manifest: ImportedTeacher = { schema: 1, ...facts, weights: digest };
  await store.putBlob(new TextEncoder().encode(canonicalJson(manifest)));
  const pointer: Pointer = { schema: 1, manifest: digestJson(manifest) };
  await store.putLatest(teacherName(name), Buffer.from(`${JSON.stringify(pointer)}\n`));
  return pointer.manifest;
}

type ReadStore = Pick<ArtifactStore, 'getJson' | 'getBlob' | 'location'>;

/**
 * The teacher of a name; undefined where the store has none.
 * @throws KdxError `DataMismatch` where name or manifest are damaged
 */
export async function findTeacher(
  store: ReadStore,
  name: string,
): Promise<ImportedTeacher | undefined> {
  const object = teacherName(name);
  const pointer = (await store.getJson(object)) as Partial<Pointer> | undefined;
  if (pointer === undefined) return undefined;
  const { schema, manifest = '' } = pointer;
  if (schema !== 1 || !/^[0-9a-f]{64}$/.test(manifest)) {
    const message = `${store.location}/${object} is no teacher's name of schema 1; kdx teacher add ${name} … writes it again`;
    throw new KdxError('DataMismatch', message);
  }
  const bytes = await store.getBlob(manifest);
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as ImportedTeacher;
  } catch (cause) {
    const message = `teacher ${name}: blob ${manifest} is not its manifest: ${errorText(cause)}`;
    throw new KdxError('DataMismatch', message, { cause });
  }
}

/** Names of the teachers in a store, in order. */
export async function listTeachers(store: Pick<ArtifactStore, 'list'>): Promise<readonly string[]> {
  const objects = await store.list(teacherPrefix());
  return objects.map((object) => object.slice(teacherPrefix().length).replace(/\.json$/, ''));
}

/**
 * A study with what the store knows of the teachers that it brings from elsewhere.
 * @throws KdxError `SpecInvalid` where one is missing or does not fit, `DataMismatch` where it is damaged
 */
export async function pinStudy(store: ReadStore, study: Study): Promise<Study> {
  const found = new Map<string, ImportedTeacher>();
  for (const name of importsOf(study)) {
    const teacher = await findTeacher(store, name);
    if (teacher !== undefined) found.set(name, teacher);
  }
  if (importsOf(study).length === 0) return study;
  const resolution = pinImports(study, found);
  if (resolution.ok) return resolution.study;
  throw new KdxError('SpecInvalid', problemsText(resolution.problems));
}
