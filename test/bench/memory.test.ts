import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';

import { checkLeg, checkMemory, MOST_LEG_BYTES } from '../../bench/memory-check.ts';

const MAIN = join(import.meta.dirname, '../../bench/main.ts');
const MIB = 2 ** 20;
const at = (tensors: number, mebibytes: number) => ({ tensors, rssBytes: mebibytes * MIB });

test('constant tensors and an RSS within a tenth are no violation', (t) => {
  const { violations, rssBytes, rssGrowth } = checkMemory([
    at(300, 500),
    at(300, 560),
    at(300, 540),
  ]);
  t.deepEqual(violations, []);
  t.is(rssGrowth, 0.08);
  t.is(rssBytes.highest, 560 * MIB);
});

test('a tensor that stays is a violation, even if it is gone at the end', (t) => {
  const { violations } = checkMemory([at(300, 500), at(301, 500), at(300, 500)]);
  t.deepEqual(violations, ['tensors went from 300 to 301']);
});

test('an RSS that grows by more than a tenth is a violation', (t) => {
  t.deepEqual(checkMemory([at(300, 500), at(300, 560)]).violations, ['RSS changed by 12.0 %']);
});

test('a leg that takes more than it may is a violation, with what it took', (t) => {
  const leg = { model: 'resnet8', images: 50_000, peakRssBytes: MOST_LEG_BYTES };
  t.deepEqual(checkLeg(leg), []);
  t.deepEqual(checkLeg({ ...leg, peakRssBytes: MOST_LEG_BYTES + 1 }), [
    'a leg of resnet8 on 50000 images took 901 MB; allowed: 900 MB',
  ]);
});

test('a short training holds its memory and says so in one line of JSON', async (t) => {
  const args = [
    ...['memory', '--model', 'resnet8', '--batch', '2', '--steps', '40', '--threads', '1'],
    ...['--leg-images', '500'],
  ];
  const { exitCode, stdout, stderr } = await execa({ reject: false })(process.execPath, [
    MAIN,
    ...args,
  ]);
  const result = JSON.parse(stdout) as Record<string, unknown>;
  t.is(exitCode, 0, stderr);
  t.deepEqual(
    { ...result, leg: undefined, tensors: undefined, rssBytes: undefined, rssGrowth: undefined },
    {
      ...{ bench: 'memory', model: 'resnet8', batch: 2, steps: 40, violations: [] },
      ...{ leg: undefined, tensors: undefined, rssBytes: undefined, rssGrowth: undefined },
    },
  );
  const { first, last } = result['tensors'] as { first: number; last: number };
  t.is(first, last);
  t.true(first > 0);
  const leg = result['leg'] as { model: string; images: number; peakRssBytes: number };
  t.like(leg, { model: 'resnet8', images: 500 });
  t.true(leg.peakRssBytes > 100 * MIB && leg.peakRssBytes < MOST_LEG_BYTES, JSON.stringify(leg));
});
