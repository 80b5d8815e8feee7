/** Height and width of images from which on the fourth block of a VGG is pooled too. */
const LARGE_IMAGE = 64;
const POOLS = { small: 3, large: 4 } as const;

/** Blocks of a VGG, from the first, behind which a maximum over 2 × 2 halves the map. */
export function pooledBlocks(imageSize: number): number {
  return imageSize < LARGE_IMAGE ? POOLS.small : POOLS.large;
}

/** What the images of a VGG have to be a multiple of, whatever their size. */
export const VGG_SIZE_MULTIPLE = 2 ** POOLS.large;
