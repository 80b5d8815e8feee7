/** Told how far a command is, line by line. */
export type Tell = (line: string) => void;

/** Counts the bytes of a file that comes in, and tells how many there are. */
export type Meter = { add(bytes: number): void; end(): void };

const MEGA = 1e6;
/** A line every so many seconds. */
const INTERVAL_SECONDS = 5;

/**
 * @param offset bytes that were there before
 * @param total of the whole file, where it is known
 * @param now in seconds
 */
export function createMeter(
  name: string,
  offset: number,
  total: number | undefined,
  tell: Tell,
  now: () => number = () => performance.now() / 1000,
): Meter {
  let done = offset;
  const began = now();
  let told = began;
  const line = (): string => {
    const megabytes = (bytes: number): string => (bytes / MEGA).toFixed(1);
    const speed = (done - offset) / Math.max(now() - began, 1e-3);
    if (total === undefined) return `${name}: ${megabytes(done)} MB, ${megabytes(speed)} MB/s`;
    const share = Math.floor((100 * done) / total);
    return `${name}: ${megabytes(done)} of ${megabytes(total)} MB (${share} %), ${megabytes(speed)} MB/s`;
  };
  return {
    add: (bytes) => {
      done += bytes;
      if (now() - told < INTERVAL_SECONDS) return;
      told = now();
      tell(line());
    },
    end: () => tell(line()),
  };
}
