import test from 'ava';

import { readResult } from '../../stores/results.ts';
import { digestBytes, digestJson } from '../../study/canonical.ts';

const SPEC = { kind: 'evaluate', model: 'resnet8' };
const KEY = digestJson(SPEC);
const REF = { digest: digestBytes(new Uint8Array(3)), bytes: 3 };
const GOOD = {
  ...{ schema: 1, key: KEY, spec: SPEC, status: 'complete' },
  ...{ metrics: { top1: 50 }, files: { evaluation: REF } },
};

const read = (value: unknown) =>
  readResult({ location: 'store', getJson: () => Promise.resolve(value) }, KEY);

test('a result of its key is read; none is undefined', async (t) => {
  t.deepEqual((await read(GOOD)) as unknown, GOOD);
  t.is(await read(undefined), undefined);
});

for (const [what, value] of [
  ['null', null],
  ['a list', [GOOD]],
  ['another schema', { ...GOOD, schema: 2 }],
  ['another key', { ...GOOD, key: digestJson('other') }],
  ['an altered spec', { ...GOOD, spec: { ...SPEC, model: 'resnet20' } }],
  ['an unknown status', { ...GOOD, status: 'done' }],
  ['no files', { ...GOOD, files: undefined }],
  ['files as null', { ...GOOD, files: null }],
  ['files as a list', { ...GOOD, files: [REF] }],
  ['a file that is a text', { ...GOOD, files: { evaluation: REF.digest } }],
  ['a digest that is none', { ...GOOD, files: { evaluation: { ...REF, digest: '../up' } } }],
  ['a size that is none', { ...GOOD, files: { evaluation: { ...REF, bytes: -1 } } }],
  ['no metrics', { ...GOOD, metrics: undefined }],
  ['a metric that is a text', { ...GOOD, metrics: { top1: '50' } }],
] as const) {
  test(`${what} where a result should be is DataMismatch, with the object's name`, async (t) => {
    const error = await t.throwsAsync(read(value));
    t.like(error, { code: 'DataMismatch' });
    t.true(error.message.startsWith(`store/results/${KEY}.json is not a result of schema 1`));
  });
}
