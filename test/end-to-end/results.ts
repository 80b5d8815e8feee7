import type { Result } from '../../leg/result.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { digestBytes } from '../../study/canonical.ts';

/** What the promise of equal bytes covers: every result, and the digest of every file it names. */
export type ResultFiles = Readonly<Record<string, string>>;

/**
 * Every object under `results/` as its text, and every blob they name as the digest and size of the
 * bytes that the store gives for it.
 */
export async function readResults(store: ArtifactStore): Promise<ResultFiles> {
  const found: Record<string, string> = {};
  for (const name of await store.list('results/')) {
    const text = new TextDecoder().decode(await store.get(name));
    found[name] = text;
    const { files } = JSON.parse(text) as Result;
    for (const [file, { digest }] of Object.entries(files)) {
      const bytes = await store.get(`blobs/${digest}`);
      if (bytes === undefined)
        throw new Error(`${name}: its ${file} ${digest} is not in the store`);
      found[`blobs/${digest}`] = `sha256 ${digestBytes(bytes)}, ${bytes.length} bytes`;
    }
  }
  return found;
}
