import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

import sharp, { type Sharp } from 'sharp';
import { Header } from 'tar';

/** Files by their paths. */
export type Files = Readonly<Record<string, Uint8Array | string>>;

/** Pixels of an image that no other number gives: [height, width, 3]. */
export function pixelsOf(number: number, width: number, height = width): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7 + number * 31) % 256);
}

export function image(number: number, width: number, height = width): Sharp {
  return sharp(pixelsOf(number, width, height), { raw: { width, height, channels: 3 } });
}

export async function png(number: number, width: number, height = width): Promise<Uint8Array> {
  return image(number, width, height).png().toBuffer();
}

/** `train/` and another side, each with some images a class. */
export async function photoFiles(
  sides: Readonly<Record<string, number>>,
  classes: readonly string[],
  size: number,
): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  let number = 0;
  for (const [side, count] of Object.entries(sides)) {
    for (const name of classes) {
      for (let i = 0; i < count; i += 1) {
        files[`${side}/${name}/${String(i).padStart(3, '0')}.png`] = await png((number += 1), size);
      }
    }
  }
  return files;
}

export async function writeTree(folder: string, files: Files): Promise<string> {
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
}

const bytesOf = (content: Uint8Array | string): Uint8Array => Buffer.from(content);

/** What is odd about a member of an archive. */
export type Odd = { readonly mode?: number; readonly crc?: number; readonly type?: string };

/** A zip whose members are stored as they are, under any name. */
export function zipOf(files: Files, odd: Readonly<Record<string, Odd>> = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [path, content] of Object.entries(files)) {
    const name = Buffer.from(path);
    const bytes = bytesOf(content);
    const { mode = 0o100644, crc = crc32(bytes) } = odd[path] ?? {};
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800, 2);
    common.writeUInt32LE(crc, 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, name, bytes]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), common, tail, name]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

const BLOCK = 512;

/** A tar whose members have any name and type. */
export function tarOf(files: Files, odd: Readonly<Record<string, Odd>> = {}): Uint8Array {
  const parts = Object.entries(files).map(([path, content]) => {
    const { type = 'File' } = odd[path] ?? {};
    const isFile = type === 'File';
    const bytes = isFile ? bytesOf(content) : new Uint8Array();
    const header = new Header({
      ...{ path, mode: 0o644, size: bytes.length, mtime: new Date(0) },
      ...{ uid: 0, gid: 0, uname: '', gname: '' },
      type: type as 'File',
      ...(type.endsWith('Link') ? { linkpath: String(content) } : {}),
    });
    header.encode();
    const padding = Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK);
    return Buffer.concat([header.block as Buffer, bytes, padding]);
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}
