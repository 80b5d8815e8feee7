import type { TrialState } from './status.ts';

const LETTERS: Readonly<Record<TrialState, string>> = {
  waiting: 'w',
  running: 'r',
  complete: 'c',
  found: 'f',
  diverged: 'v',
  failed: 'x',
  blocked: 'b',
  cancelled: 'n',
};
const STATES = new Map(
  (Object.keys(LETTERS) as TrialState[]).map((state) => [LETTERS[state], state]),
);

/** A letter a trial: so that thousands fit into one message. */
export function packStates(states: readonly TrialState[]): string {
  return states.map((state) => LETTERS[state]).join('');
}

/** @throws Error where a letter is that of no state */
export function unpackStates(text: string): readonly TrialState[] {
  return [...text].map((letter) => {
    const state = STATES.get(letter);
    if (state === undefined) throw new Error(`"${letter}" is the letter of no state`);
    return state;
  });
}

const RADIX = 36;
const DIGITS = 3;

/** Accuracies in percent to two decimals, three digits to the base of 36 each; `---` where there is none. */
export function packTop1(values: readonly (number | undefined)[]): string {
  return values
    .map((value) =>
      value === undefined
        ? '-'.repeat(DIGITS)
        : Math.round(value * 100)
            .toString(RADIX)
            .padStart(DIGITS, '0'),
    )
    .join('');
}

export function unpackTop1(text: string): readonly (number | undefined)[] {
  return Array.from({ length: text.length / DIGITS }, (_, i) => {
    const value = Number.parseInt(text.slice(i * DIGITS, (i + 1) * DIGITS), RADIX);
    return Number.isNaN(value) ? undefined : value / 100;
  });
}
