import sharp, { type Sharp } from 'sharp';

import { isBmp, readBmp, type RgbImage } from '../../../formats/bmp.ts';
import { errorText, KdxError } from '../../../leg/errors.ts';

/** What is read, whatever a file is called. */
const FORMATS: readonly string[] = ['jpeg', 'png', 'webp'];

const CHANNELS = 3;
/** Large photographs are welcome, files that unpack to gigabytes are not. */
const MOST_PIXELS = 2 ** 28;

// An image is small; many are decoded at once, each on one thread. Nothing is read twice.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Decodes a jpeg, png, webp or bmp to 8-bit red, green and blue, as a person sees it: turned as EXIF
 * says, transparency over black, 16 bits rounded down to 8, CMYK and palettes turned into colours, grey
 * into three equal channels, of an animation the first picture.
 *
 * With `size` the shorter side becomes that many pixels and the middle of the longer one is kept
 * (torchvision's Resize and CenterCrop), by linear interpolation with anti-aliasing.
 *
 * @param place which file, for messages
 * @throws KdxError `DataMismatch` where it does not decode to its end
 */
export async function decodeImage(
  bytes: Uint8Array,
  size: number | undefined,
  place: string,
): Promise<RgbImage> {
  if (bytes.length === 0) throw refusal(place, new Error('it is empty'));
  const image = isBmp(bytes) ? raw(readBmp(bytes, place)) : await open(bytes, place);
  const sized =
    size === undefined
      ? image
      : image.resize(size, size, { fit: 'cover', kernel: 'linear', fastShrinkOnLoad: false });
  try {
    const { data, info } = await sized
      .flatten({ background: '#000' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, pixels: threeChannels(data, info.channels) };
  } catch (cause) {
    throw refusal(place, cause);
  }
}

function raw({ width, height, pixels }: RgbImage): Sharp {
  return sharp(pixels, { raw: { width, height, channels: CHANNELS } });
}

async function open(bytes: Uint8Array, place: string): Promise<Sharp> {
  // A warning is no damage, as in most readers; a file that ends early is.
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: MOST_PIXELS, autoOrient: true });
  const metadata = await image.metadata().catch((cause: unknown) => {
    throw refusal(place, cause);
  });
  if (FORMATS.includes(metadata.format)) return image;
  const allowed = 'jpeg, png, webp, bmp';
  throw new KdxError('DataMismatch', `${place} is ${metadata.format}; allowed: ${allowed}`);
}

function refusal(place: string, cause: unknown): KdxError {
  // One line, of the first thing that went wrong.
  const [why = ''] = errorText(cause).split('\n');
  const message = `${place} does not decode: ${why}; allowed: a whole jpeg, png, webp or bmp`;
  return new KdxError('DataMismatch', message, { cause });
}

/** Grey images have one channel left. */
function threeChannels(data: Uint8Array, channels: number): Uint8Array {
  if (channels === CHANNELS) return data;
  const pixels = new Uint8Array((data.length / channels) * CHANNELS);
  for (let i = 0; i < pixels.length; i += 1) {
    pixels[i] = data[Math.floor(i / CHANNELS) * channels] as number;
  }
  return pixels;
}
