import { writeSync } from 'node:fs';
import { pino, type Logger } from 'pino';
import { errorText } from '../../leg/errors.ts';

/** Most of a log that is kept: its end. */
const MAX_BYTES = 16 * 2 ** 20;
const STDERR = 2;

/** The log of this process: on stderr as it is written, and at the end in the store. */
export type LegLog = {
  readonly logger: Logger;
  /** Where the whole of it is to go; until that is known it is on stderr alone. */
  keepBy(keep: (log: Uint8Array) => Promise<unknown>): void;
  /** Stores it. Where the store is away it is still on stderr, so that is no failure of the leg. */
  close(): Promise<void>;
};

/** @param maxBytes of the log that are kept in memory, for the store */
export function openLegLog(
  process: string | undefined,
  maxBytes = MAX_BYTES,
  write: (line: string) => void = (line) => void writeSync(STDERR, line),
): LegLog {
  const lines: string[] = [];
  let bytes = 0;
  let keep: (log: Uint8Array) => Promise<unknown> = () => Promise.resolve();
  const logger = pino(
    { base: { process } },
    {
      write: (line) => {
        write(line);
        lines.push(line);
        bytes += Buffer.byteLength(line);
        // The youngest line stays, however long it is.
        while (bytes > maxBytes && lines.length > 1)
          bytes -= Buffer.byteLength(lines.shift() ?? '');
      },
    },
  );
  return {
    logger,
    keepBy: (wanted) => {
      keep = wanted;
    },
    close: async () => {
      try {
        await keep(Buffer.from(lines.join('')));
      } catch (error) {
        logger.warn(`this log is not in the store: ${errorText(error)}`);
      }
    },
  };
}
