import test from 'ava';
import { openDigestSet } from '../../../stores/garbage/digest-set.ts';
import { digestJson } from '../../../study/canonical.ts';

test('holds what was added over every growth, each once', (t) => {
  const set = openDigestSet();
  const digests = Array.from({ length: 3000 }, (_, i) => digestJson(i));
  for (const digest of digests) t.true(set.add(digest));
  for (const digest of digests) t.false(set.add(digest));
  t.is(set.size, 3000);
  t.true(digests.every((digest) => set.has(digest)));
  t.false(set.has(digestJson('another')));
});

test('digests that begin alike are told apart', (t) => {
  const set = openDigestSet();
  const [first, second] = ['a', 'b'].map((end) => '0'.repeat(62) + `0${end}`);
  set.add(first ?? '');
  t.false(set.has(second ?? ''));
  t.true(set.add(second ?? ''));
  t.true(set.has(first ?? ''));
});
