import test from 'ava';

import { decodeImage } from '../../../../cli/dataset/images/decode.ts';
import { image, pixelsOf, png } from './samples.ts';

const [WIDTH, HEIGHT] = [8, 4];
const PIXELS = pixelsOf(1, WIDTH, HEIGHT);
const sample = () => image(1, WIDTH, HEIGHT);
const decode = (bytes: Uint8Array, size?: number) => decodeImage(bytes, size, 'x.png');
const far = (a: Uint8Array, b: Uint8Array): number =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? 0))));

test('png of 8 and 16 bits and of palettes, and webp, are their pixels', async (t) => {
  for (const bytes of [
    await sample().png().toBuffer(),
    await sample().png({ palette: true }).toBuffer(),
    await sample().toColourspace('rgb16').png().toBuffer(),
    await sample().webp({ lossless: true }).toBuffer(),
  ]) {
    const { width, height, pixels } = await decode(bytes);
    t.deepEqual([width, height], [WIDTH, HEIGHT]);
    t.deepEqual(Buffer.from(pixels), Buffer.from(PIXELS));
  }
});

/** The sample as a bitmap of 24 bits, from the bottom row up. */
function bitmap(): Uint8Array {
  const header = Buffer.alloc(54);
  header.write('BM');
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(WIDTH, 18);
  header.writeInt32LE(HEIGHT, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(24, 28);
  const rows = Array.from({ length: HEIGHT }, (_, y) => {
    const row = PIXELS.slice((HEIGHT - 1 - y) * WIDTH * 3, (HEIGHT - y) * WIDTH * 3);
    return Uint8Array.from(row, (_, i) => row[i - (i % 3) + 2 - (i % 3)] ?? 0);
  });
  return Buffer.concat([header, ...rows]);
}

test('a bitmap is its pixels, and is resized like any image', async (t) => {
  t.deepEqual(Buffer.from((await decode(bitmap())).pixels), Buffer.from(PIXELS));
  t.like(await decode(bitmap(), 32), { width: 32, height: 32 });
  await t.throwsAsync(decode(bitmap().subarray(0, 100)), {
    code: 'DataMismatch',
    message: 'x.png: bitmap: cut short: 100 bytes; wanted 150',
  });
});

test('jpeg, of CMYK too, is its pixels but for what it loses', async (t) => {
  const jpeg = sample().jpeg({ quality: 100, chromaSubsampling: '4:4:4' });
  t.true(far((await decode(await jpeg.toBuffer())).pixels, PIXELS) <= 4);
  const flat = sample().resize(WIDTH, HEIGHT).linear(0, 90);
  const cmyk = await flat.toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
  const { pixels } = await decode(cmyk);
  t.is(pixels.length, PIXELS.length);
  t.true(far(pixels, new Uint8Array(pixels.length).fill(90)) <= 16, String(pixels.slice(0, 6)));
});

test('grey, also of 16 bits and with transparency, becomes three equal channels', async (t) => {
  for (const grey of [
    sample().greyscale().png(),
    sample().greyscale().toColourspace('grey16').png(),
    sample().greyscale().ensureAlpha(1).png(),
    sample().greyscale().jpeg(),
  ]) {
    const { pixels } = await decode(await grey.toBuffer());
    t.is(pixels.length, PIXELS.length);
    for (let i = 0; i < pixels.length; i += 3) {
      t.is(pixels[i], pixels[i + 1]);
      t.is(pixels[i], pixels[i + 2]);
    }
  }
});

test('transparency is put over black', async (t) => {
  const { pixels } = await decode(await sample().ensureAlpha(0.5).png().toBuffer());
  const halves = PIXELS.map((value) => value / 2);
  t.true(far(pixels, halves) <= 1);
});

test('a photograph is turned as EXIF says', async (t) => {
  const turned = await sample().withMetadata({ orientation: 6 }).png().toBuffer();
  const { width, height, pixels } = await decode(turned);
  t.deepEqual([width, height], [HEIGHT, WIDTH]);
  // The top left pixel was the bottom left one.
  t.deepEqual([...pixels.slice(0, 3)], [...PIXELS.slice((HEIGHT - 1) * WIDTH * 3).slice(0, 3)]);
});

test('resizing keeps the middle of the longer side', async (t) => {
  const wide = new Uint8Array(96 * 32 * 3).map((_, i) => {
    const x = Math.floor(i / 3) % 96;
    return x < 32 ? 10 : x < 64 ? 100 : 200;
  });
  const { default: sharp } = await import('sharp');
  const bytes = await sharp(wide, { raw: { width: 96, height: 32, channels: 3 } })
    .png()
    .toBuffer();
  const { width, height, pixels } = await decode(bytes, 32);
  t.deepEqual([width, height], [32, 32]);
  t.true(pixels.every((value) => value === 100));
  t.like(await decode(await png(3, 200, 100), 64), { width: 64, height: 64 });
});

test('what is no image, another format, or cut short is refused by its name', async (t) => {
  const noise = await image(5, 100).webp({ lossless: true }).toBuffer();
  const jpeg = await image(5, 100).jpeg().toBuffer();
  const whole = await image(5, 100).png().toBuffer();
  for (const bytes of [
    Buffer.from('hello'),
    new Uint8Array(),
    noise.subarray(0, noise.length / 2),
    jpeg.subarray(0, jpeg.length / 2),
    whole.subarray(0, whole.length / 2),
  ]) {
    const error = await t.throwsAsync(decode(bytes), { code: 'DataMismatch' });
    t.regex(
      error?.message ?? '',
      /^x\.png does not decode: [^\n]*; allowed: a whole jpeg, png, webp or bmp$/,
    );
  }
  await t.throwsAsync(decode(await sample().gif().toBuffer()), {
    code: 'DataMismatch',
    message: 'x.png is gif; allowed: jpeg, png, webp, bmp',
  });
});
