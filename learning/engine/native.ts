/**
 * Our operations in C++ (`native/`), loaded into TensorFlow: 3 × 3 convolutions by Winograd's minimal
 * filtering, for CPUs. Set-up compiles them and puts them beside the binding of tfjs-node.
 */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { errorText, KdxError } from '../../leg/errors.ts';
import { tf } from './library.ts';

const SOURCES = fileURLToPath(new URL('./native/', import.meta.url));
const ADDON = '@tensorflow/tfjs-node/lib/napi-v8/kdx_kernels.node';

/** What the addon exports: the digest of the sources that it was compiled from. */
type Addon = { readonly sources: string };

function digestOfSources(): string {
  const names = readdirSync(SOURCES).filter((name) => /\.(cc|h)$/.test(name));
  const parts = names
    .toSorted()
    .flatMap((name) => [`${name}\0`, readFileSync(join(SOURCES, name)), '\0']);
  return hash('sha256', Buffer.concat(parts.map((part) => Buffer.from(part))));
}

/** @throws KdxError Configuration where the addon is missing or made from other sources */
function load(): void {
  const advice = 'npm run setup compiles them';
  let addon: Addon;
  try {
    addon = createRequire(import.meta.url)(ADDON) as Addon;
  } catch (cause) {
    const text = errorText(cause);
    throw new KdxError('Configuration', `The kernels do not load: ${text}; ${advice}.`, { cause });
  }
  if (addon.sources === digestOfSources()) return;
  const message = `The kernels were compiled from other sources than ${SOURCES}; ${advice}.`;
  throw new KdxError('Configuration', message);
}

load();

/** Whether this process computes on a CPU: the operations have no kernels for GPUs. */
export function hasNativeOperations(): boolean {
  return !(tf.backend() as unknown as { readonly isUsingGpuDevice: boolean }).isUsingGpuDevice;
}
