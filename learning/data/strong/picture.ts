/** Height and width in pixels of a square picture, and its bytes [size, size, 3] row-major. */
export type Picture = { readonly size: number; readonly bytes: Uint8Array };

/** What a change makes of a picture; it may give the picture itself back. */
export type Change = (picture: Picture, amount: number) => Picture;

export const CHANNELS = 3;

/** A picture whose byte at each place is computed. */
export function mapBytes(
  { size, bytes }: Picture,
  compute: (value: number, at: number) => number,
): Picture {
  const result = new Uint8Array(bytes.length);
  // A loop: `Uint8Array.from` takes ten times as long, and a batch has a hundred thousand bytes.
  for (let at = 0; at < bytes.length; at += 1) result[at] = compute(bytes[at] as number, at);
  return { size, bytes: result };
}

/** Brightness of a pixel as video has it (ITU-R 601-2), in whole numbers as Pillow rounds it. */
export function luma(bytes: Uint8Array, pixel: number): number {
  const at = pixel * CHANNELS;
  const red = bytes[at] as number;
  const green = bytes[at + 1] as number;
  const blue = bytes[at + 2] as number;
  return (red * 19_595 + green * 38_470 + blue * 7471 + 0x8000) >> 16;
}
