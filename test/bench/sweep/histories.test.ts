import test from 'ava';
import { largestPayload } from '../../../bench/sweep/histories.ts';

test('the largest payload of a history is found wherever it stands', (t) => {
  const payload = (bytes: number) => ({ metadata: {}, data: new Uint8Array(bytes) });
  const events = [
    { startedAttributes: { input: { payloads: [payload(3), payload(70)] } } },
    { failedAttributes: { failure: { cause: { details: { payloads: [payload(90)] } } } } },
    { other: null, digest: new Uint8Array(500) },
  ];
  t.is(largestPayload(events), 90);
  t.is(largestPayload([]), 0);
});
