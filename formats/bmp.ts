import { KdxError } from '../leg/errors.ts';

/** An image of 8-bit red, green and blue: [height, width, 3], from the top left. */
export type RgbImage = {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
};

const FILE_HEADER_BYTES = 14;
const LEAST_HEADER_BYTES = 40;
const RGB = 0;
const BITFIELDS = 3;
const ALPHA_BITFIELDS = 6;
/** Of 32 bits where no masks are given: blue in the lowest byte. */
const USUAL_MASKS = [0xff0000, 0xff00, 0xff] as const;
/** Of 16 bits where no masks are given: five bits each. */
const USUAL_MASKS_16 = [0x7c00, 0x3e0, 0x1f] as const;
const MOST_PIXELS = 2 ** 28;

type Header = {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly masks: readonly number[];
  /** Where the palette begins, and its colours. */
  readonly palette: { readonly start: number; readonly colours: number };
  readonly pixelsAt: number;
};

/** Whether bytes are a Windows bitmap, by its first two. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

/**
 * Reads a Windows bitmap: 1, 4 or 8 bits with a palette, 16, 24 or 32 bits of colour, upwards or
 * downwards, not packed. Transparency is passed over, as nearly all readers do.
 *
 * @param place which file, for messages
 * @throws KdxError `DataMismatch` where it is cut short, packed or no bitmap
 */
export function readBmp(bytes: Uint8Array, place: string): RgbImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const refuse = (problem: string): never => {
    throw new KdxError('DataMismatch', `${place}: bitmap: ${problem}`);
  };
  const header = readHeader(view, refuse);
  const { width, height, bits, pixelsAt, palette } = header;
  const stride = Math.ceil((width * bits) / 32) * 4;
  const wanted = pixelsAt + stride * height;
  if (bytes.length < wanted) refuse(`cut short: ${bytes.length} bytes; wanted ${wanted}`);
  const colourOf = bits <= 8 ? paletteReader(view, palette, refuse) : maskReader(header);
  const valueOf = VALUES[bits] as ReadValue;
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const row = pixelsAt + (header.isTopDown ? y : height - 1 - y) * stride;
    for (let x = 0; x < width; x += 1) {
      pixels.set(colourOf(valueOf(view, row, x)), (y * width + x) * 3);
    }
  }
  return { width, height, pixels };
}

type Refuse = (problem: string) => never;
/** Pixel `x` of the row that begins at a byte. */
type ReadValue = (view: DataView, row: number, x: number) => number;
type ReadColour = (value: number) => readonly [number, number, number];

function readHeader(view: DataView, refuse: Refuse): Header {
  const end = FILE_HEADER_BYTES + LEAST_HEADER_BYTES;
  if (view.byteLength < end) refuse(`cut short: ${view.byteLength} bytes; wanted at least ${end}`);
  const size = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const height = Math.abs(signedHeight);
  const bits = view.getUint16(28, true);
  const packing = view.getUint32(30, true);
  if (size < LEAST_HEADER_BYTES) refuse(`a header of ${size} bytes; allowed: 40 and more`);
  if (width < 1 || height < 1 || width * height > MOST_PIXELS) {
    refuse(`${width} × ${signedHeight} pixels; allowed: at least 1 × 1, at most 2^28 together`);
  }
  if (VALUES[bits] === undefined) refuse(`${bits} bits a pixel; allowed: 1, 4, 8, 16, 24, 32`);
  const isMasked = packing === BITFIELDS || packing === ALPHA_BITFIELDS;
  if (packing !== RGB && !(isMasked && (bits === 16 || bits === 32))) {
    refuse(`packing ${packing}; allowed: none`);
  }
  const masksAt = FILE_HEADER_BYTES + LEAST_HEADER_BYTES;
  if (isMasked && view.byteLength < masksAt + 12) refuse('cut short: it has no masks');
  const masks = isMasked
    ? [0, 4, 8].map((offset) => view.getUint32(masksAt + offset, true))
    : bits === 16
      ? USUAL_MASKS_16
      : USUAL_MASKS;
  const colours = view.getUint32(46, true);
  return {
    ...{ width, height, bits, masks, isTopDown: signedHeight < 0 },
    palette: { start: FILE_HEADER_BYTES + size, colours: colours === 0 ? 2 ** bits : colours },
    pixelsAt: view.getUint32(10, true),
  };
}

/** Four bytes a colour: blue, green, red, nothing. */
function paletteReader(
  view: DataView,
  { start, colours }: Header['palette'],
  refuse: Refuse,
): ReadColour {
  if (colours > 256 || start + 4 * colours > view.byteLength) {
    refuse(`a palette of ${colours} colours, which is not there`);
  }
  return (value) => {
    if (value >= colours) refuse(`a pixel of colour ${value}; allowed: 0 to ${colours - 1}`);
    const at = start + 4 * value;
    return [view.getUint8(at + 2), view.getUint8(at + 1), view.getUint8(at)];
  };
}

function maskReader({ masks }: Header): ReadColour {
  const [red, green, blue] = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    const most = mask >>> shift;
    return (value: number): number =>
      most === 0 ? 0 : Math.round((((value & mask) >>> shift) * 255) / most);
  }) as [(value: number) => number, (value: number) => number, (value: number) => number];
  return (value) => [red(value), green(value), blue(value)];
}

const VALUES: Readonly<Record<number, ReadValue>> = {
  1: (view, row, x) => (view.getUint8(row + (x >> 3)) >> (7 - (x & 7))) & 1,
  4: (view, row, x) => (view.getUint8(row + (x >> 1)) >> (x % 2 === 0 ? 4 : 0)) & 15,
  8: (view, row, x) => view.getUint8(row + x),
  16: (view, row, x) => view.getUint16(row + 2 * x, true),
  24: (view, row, x) => view.getUint16(row + 3 * x, true) + view.getUint8(row + 3 * x + 2) * 65536,
  32: (view, row, x) => view.getUint32(row + 4 * x, true),
};
