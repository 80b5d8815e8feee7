import { clearScreenDown, moveCursor } from 'node:readline';
import type { WriteStream } from 'node:tty';
import { events, picture } from './view.ts';
import type { Moment } from './view.ts';

/** Shows a study as it goes on. */
export type Screen = {
  show(moment: Moment): void;
  /** A line that stays: something out of the order happened. */
  note(line: string): void;
};

/** Redraws in place on a terminal; elsewhere writes one line an event and nothing in between. */
export function openScreen(stream: WriteStream): Screen {
  return stream.isTTY ? liveScreen(stream) : quietScreen(stream);
}

function liveScreen(stream: WriteStream): Screen {
  let drawn = 0;
  let last: Moment | undefined;
  const erase = (): void => {
    if (drawn > 0) moveCursor(stream, 0, -drawn);
    clearScreenDown(stream);
    drawn = 0;
  };
  const note = (line: string): void => {
    erase();
    stream.write(`${line}\n`);
  };
  return {
    note,
    show(moment) {
      const settled = events(last, moment).filter((line) => !line.includes(': epoch '));
      erase();
      for (const line of settled) note(`  ${line}`);
      const lines = picture(moment, stream.columns);
      stream.write(`${lines.join('\n')}\n`);
      drawn = lines.length;
      last = moment;
    },
  };
}

function quietScreen(stream: NodeJS.WritableStream): Screen {
  let last: Moment | undefined;
  const note = (line: string): void => {
    stream.write(`${new Date().toISOString().slice(11, 19)}Z  ${line}\n`);
  };
  return {
    note,
    show(moment) {
      for (const line of events(last, moment)) note(line);
      last = moment;
    },
  };
}
