import test from 'ava';

import { stepsOf, type Measurement } from '../../bench/rounds.ts';
import { rowOf, stepTable } from '../../bench/step-rows.ts';
import { median, rounded } from '../../bench/summary.ts';
import { formatTable } from '../../bench/table.ts';

const MEASUREMENT: Measurement = {
  subject: { name: 'resnet20', model: 'resnet20' },
  facts: { parameters: 272_474, flop: 15e9, version: '2.21.0' },
  rounds: {
    recorded: [100, 90, 500],
    eager: [150, 150, 150],
    torch: [200, 150, 100],
    'torch-channels-last': [125, 125, 125],
  },
  peak: 200e9,
};

test('the median ignores order and outliers, and halves the middle of an even count', (t) => {
  t.is(median([900, 1, 2]), 2);
  t.is(median([4, 1, 3, 2]), 2.5);
  t.is(median([10, 9, 100]), 10, 'numbers are not sorted as text');
  t.is(median([]), Number.NaN);
});

test('numbers are rounded to digits that mean something, and nothing is null', (t) => {
  t.is(rounded(107.123_456), 107.1);
  t.is(rounded(0.123_456), 0.1235);
  t.is(rounded(undefined), null);
  t.is(rounded(Number.NaN), null);
});

test('a row holds medians, recorded ÷ PyTorch, and the share of the peak', (t) => {
  t.deepEqual(rowOf(MEASUREMENT, 64), {
    model: 'resnet20',
    batch: 64,
    recordedMs: 100,
    eagerMs: 150,
    torchMs: 150,
    torchChannelsLastMs: 125,
    ratio: 0.6667,
    peakShare: 0.75,
  });
});

test('what was not measured is null in the row and a dash in the table', (t) => {
  const bare = { ...MEASUREMENT, rounds: { recorded: [100] } };
  const { torchMs, ratio, recordedMs } = rowOf(bare, 64);
  t.deepEqual([recordedMs, torchMs, ratio], [100, null, null]);
  t.regex(stepTable([bare]), /\| resnet20 \| +100\.0 \| +– \|/);
});

test('a table names the rows at the left and aligns the numbers at the right', (t) => {
  t.is(
    formatTable(
      ['model', 'ms'],
      [
        ['resnet8', '40.0'],
        ['wrn', '200.0'],
      ],
    ),
    '| model   |    ms |\n| ------- | ----: |\n| resnet8 |  40.0 |\n| wrn     | 200.0 |',
  );
});

test('short steps come in several a round, long ones alone', (t) => {
  t.deepEqual([10, 150, 300, 900, 5000].map(stepsOf), [7, 7, 4, 3, 1]);
});
