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
  return { size, bytes: Uint8Array.from(bytes, compute) };
}

/** Brightness of a pixel as video has it (ITU-R 601-2), in whole numbers as Pillow rounds it. */
export function luma(bytes: Uint8Array, pixel: number): number {
  const [red, green, blue] = [0, 1, 2].map((channel) => bytes[pixel * CHANNELS + channel] ?? 0);
  return ((red ?? 0) * 19_595 + (green ?? 0) * 38_470 + (blue ?? 0) * 7471 + 0x8000) >> 16;
}
