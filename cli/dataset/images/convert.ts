import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';

import { errorText, isKdxError, KdxError } from '../../../leg/errors.ts';
import { CHANNELS } from '../../../learning/data/records.ts';
import type { DatasetFile, DatasetRole } from '../../../study/dataset-manifest.ts';
import { decodeImage } from './decode.ts';
import type { LabelledFile } from './layout.ts';

/** Images under way at once: decoded in threads, a few on each. */
const AT_ONCE = 16;
/** A file of records is read as a whole by every leg. */
const PART_BYTES = 32 * 2 ** 20;
/** In front of the pixels of a record. */
const LABEL_BYTES = 1;

export type Conversion = {
  /** What is refused is named after it. */
  readonly name: string;
  readonly origin: string;
  readonly role: DatasetRole;
  readonly images: readonly LabelledFile[];
  /** Pixels of each side; absent: they have to have one of `sizes` already. */
  readonly size: number | undefined;
  /** A temporary folder, for the records. */
  readonly folder: string;
  /** Told every image, in no order. */
  readonly onImage: (pixels: Uint8Array) => void;
};

export type Converted = {
  /** In reading order; the file of the name lies in the folder. */
  readonly files: readonly DatasetFile[];
  readonly imageSize: number;
};

/** Sides that images may have without being resized, in pixels. */
export const IMAGE_SIZES: readonly number[] = [32, 64];

/**
 * Decodes images and writes them as records: the class, then planes of red, green and blue. Never more
 * than one part of them is in memory.
 *
 * @throws KdxError `DataMismatch` naming the image that does not decode or has another size
 */
export async function convertImages(conversion: Conversion): Promise<Converted> {
  const { images, role, folder } = conversion;
  let size = conversion.size;
  const files: DatasetFile[] = [];
  for (let first = 0; first < images.length;) {
    // The first image settles the size of all where none is asked for.
    size ??= await sizeOf(conversion, images[first] as LabelledFile);
    const stride = LABEL_BYTES + CHANNELS * size ** 2;
    const count = Math.min(images.length - first, Math.max(1, Math.floor(PART_BYTES / stride)));
    const part = images.slice(first, first + count);
    const bytes = await recordsOf(conversion, part, size);
    const name = `${role}-${String(files.length + 1).padStart(4, '0')}.bin`;
    await writeWhole(join(folder, name), bytes);
    const digest = createHash('sha256').update(bytes).digest('hex');
    files.push({ name, role, digest, bytes: bytes.length });
    first += count;
  }
  return { files, imageSize: size ?? 0 };
}

async function sizeOf(conversion: Conversion, { file }: LabelledFile): Promise<number> {
  const { name, origin } = conversion;
  const place = `${name}: ${origin}: ${file.path}`;
  const { width, height } = await decodeImage(await file.read(), undefined, place);
  if (width === height && IMAGE_SIZES.includes(width)) return width;
  throw new KdxError(
    'DataMismatch',
    `${place} has ${width} × ${height} pixels; allowed: ${IMAGE_SIZES.map((side) => `${side} × ${side}`).join(' or ')}, which --size ${IMAGE_SIZES.join('|')} makes of any`,
  );
}

async function recordsOf(
  { name, origin, size: wanted, onImage }: Conversion,
  images: readonly LabelledFile[],
  size: number,
): Promise<Uint8Array> {
  const plane = size ** 2;
  const stride = LABEL_BYTES + CHANNELS * plane;
  const records = new Uint8Array(images.length * stride);
  await pMap(
    images,
    async ({ file, label }, i) => {
      const place = `${name}: ${origin}: ${file.path}`;
      const image = await decodeImage(await file.read(), wanted, place);
      if (image.width !== size || image.height !== size) {
        const found = `${image.width} × ${image.height} pixels`;
        const allowed = `${size} × ${size}, as the first image, which --size makes of any`;
        throw new KdxError('DataMismatch', `${place} has ${found}; allowed: ${allowed}`);
      }
      records[i * stride] = label;
      toPlanes(image.pixels, records, i * stride + LABEL_BYTES, plane);
      onImage(image.pixels);
    },
    { concurrency: AT_ONCE },
  );
  return records;
}

/** Three channels a pixel to three planes. */
function toPlanes(pixels: Uint8Array, to: Uint8Array, start: number, plane: number): void {
  for (let channel = 0; channel < CHANNELS; channel += 1) {
    const offset = start + channel * plane;
    for (let pixel = 0; pixel < plane; pixel += 1) {
      to[offset + pixel] = pixels[pixel * CHANNELS + channel] as number;
    }
  }
}

/** @throws KdxError `Configuration` where the disk is full or may not be written */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (isKdxError(cause)) throw cause;
    const message = `${path} cannot be written: ${errorText(cause)}; TMPDIR names another place`;
    throw new KdxError('Configuration', message, { cause });
  }
}
