import test from 'ava';
import type { AgedLease } from '../../leg/ports.ts';
import type { Lease } from '../../leg/result.ts';
import { isStalled } from '../../leg/stall.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const time = (seconds: number): string => new Date(START + seconds * 1000).toISOString();

/** A lease that was written at one second and got further at another, and is so old now. */
function aged(at: number, advancedAt: number, ageSeconds: number, more: Partial<Lease> = {}) {
  const lease: Lease = {
    ...{ schema: 1, key: 'k', process: 'a', host: 'h', startedAt: time(0), intervalSeconds: 15 },
    ...{ at: time(at), advancedAt: time(advancedAt), ...more },
  };
  return { lease, ageSeconds } satisfies AgedLease;
}

/** The store has answered all the time. */
const calm = { runningSeconds: 5000, storeSeconds: 5000, minSeconds: 300 };

test('a leg that gets no further is stalled after the least time, though it renews its lease', (t) => {
  t.false(isStalled(aged(1290, 1000, 10), calm));
  t.true(isStalled(aged(1291, 1000, 10), calm));
});

test('one who adopts a leg comes to the same answer as the one who has watched it', (t) => {
  const lease = aged(1400, 1000, 10);
  t.true(isStalled(lease, { ...calm, runningSeconds: 0, storeSeconds: 1 }));
});

test('a process that hangs and renews nothing is stalled', (t) => {
  t.false(isStalled(aged(1000, 1000, 299), calm));
  t.true(isStalled(aged(1000, 1000, 301), calm));
});

test('right after an outage of the store a lease that was not renewed says nothing', (t) => {
  const old = aged(1000, 1000, 900);
  t.false(isStalled(old, { ...calm, storeSeconds: 29 }));
  t.true(isStalled(old, { ...calm, storeSeconds: 31 }));
});

test('slow steps are given ten times their length', (t) => {
  const slow = { stepSeconds: 40 };
  t.false(isStalled(aged(1390, 1000, 10, slow), calm));
  t.true(isStalled(aged(1391, 1000, 10, slow), calm));
});

test('a leg without a lease is stalled once it has run for the least time, unless the store was away', (t) => {
  t.false(isStalled(undefined, { ...calm, runningSeconds: 300 }));
  t.true(isStalled(undefined, { ...calm, runningSeconds: 301 }));
  t.false(isStalled(undefined, { ...calm, storeSeconds: 200 }));
});

test('a leg that has ended is not stalled', (t) => {
  const ended = { outcome: 'done', detail: '' } as const;
  t.false(isStalled(aged(1000, 1000, 900, { ended }), calm));
});
