import type { Recordable } from '../activities/contract.ts';
import { handOver } from './record.ts';

/** So many finished trials go to the recorder at once … */
const FULL = 50;
/** … or fewer, when the last ones went that long ago. */
const AGE_MILLISECONDS = 30_000;

/** Finished trials of a study on their way to its recorder. */
export type Outbox = {
  add(trial: Recordable): void;
  /** Sends what has gathered, if it is much or old enough. Nothing waits for it. */
  sendIfDue(): void;
  /** Sends everything, and the report if there is one; resolves when the recorder has it. */
  close(report: boolean): Promise<void>;
};

/** Opens the outbox of a study. */
export function openOutbox(study: string): Outbox {
  let gathered: Recordable[] = [];
  let sentAt = Date.now();
  // One message after the other, so that the report is the last.
  let sending = Promise.resolve();
  const send = (report: boolean): Promise<void> => {
    const trials = gathered;
    gathered = [];
    sentAt = Date.now();
    sending = sending.then(() => handOver({ study, trials, report }));
    return sending;
  };
  return {
    add: (trial) => void gathered.push(trial),
    sendIfDue() {
      const isOld = gathered.length > 0 && Date.now() - sentAt >= AGE_MILLISECONDS;
      if (isOld || gathered.length >= FULL) void send(false);
    },
    close: (report) => send(report),
  };
}
