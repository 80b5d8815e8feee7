import fc from 'fast-check';
import test from 'ava';
import { packStates, packTop1, unpackStates, unpackTop1 } from '../../study/packed.ts';
import type { TrialState } from '../../study/status.ts';

const STATES: readonly TrialState[] = [
  ...(['waiting', 'running', 'complete', 'found'] as const),
  ...(['diverged', 'failed', 'blocked', 'cancelled'] as const),
];

test('states are unpacked as they were packed, a letter each', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STATES)), (states) => {
      const text = packStates(states);
      return text.length === states.length && unpackStates(text).join() === states.join();
    }),
  );
  t.throws(() => unpackStates('wz'), { message: '"z" is the letter of no state' });
});

test('accuracies are unpacked to two decimals, and those that are missing stay so', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: undefined })),
      (hundredths) => {
        const values = hundredths.map((value) => (value === undefined ? undefined : value / 100));
        const text = packTop1(values);
        return text.length === 3 * values.length && unpackTop1(text).join() === values.join();
      },
    ),
  );
  t.deepEqual(unpackTop1(packTop1([33.333, undefined, 100])), [33.33, undefined, 100]);
});
