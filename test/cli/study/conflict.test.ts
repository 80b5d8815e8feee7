import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import test from 'ava';

import { checkSameStudy, differences } from '../../../cli/study/conflict.ts';
import { studyLike } from '../../fixtures/report/input.ts';
import { startTemporal } from '../../servers/temporal.ts';

const DIGITS = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../studies/digits.json'), 'utf8'),
) as object;

const written = (more: object = {}) => ({ ...DIGITS, name: 'edited', ...more });

test('a study that runs with other content is not taken for the one in the file', async (t) => {
  const server = await startTemporal();
  t.teardown(() => server.stop());
  const connection = await Connection.connect({ address: server.address });
  t.teardown(() => connection.close());
  const client = new Client({ connection });
  const workflowId = 'reproduce/edited';
  // Nobody carries it out: what it was started with is in its history from the first moment.
  await client.workflow.start('reproduce', { args: [written()], taskQueue: 'none', workflowId });
  const check = (input: unknown) => checkSameStudy(client, workflowId, { name: 'edited', input });

  await t.notThrowsAsync(check(written()));
  await t.notThrowsAsync(
    check({ ...written(), engine: undefined }),
    'a default that is written out',
  );
  await t.throwsAsync(
    check(
      written({
        description: 'edited',
        seeds: { init: [1029, 1, 1031], data: [1029, 1030, 1031] },
      }),
    ),
    {
      code: 'SpecInvalid',
      message:
        /^a study named edited is under way with other content; what differs: \$\.description, \$\.seeds\.init\[1\]\. Watch that one: kdx study --join\. Replace it: temporal workflow cancel --workflow-id reproduce\/edited/,
    },
  );
});

test('places that differ are named by path, lists of another length as a whole', (t) => {
  const study = studyLike();
  t.deepEqual(differences(study, structuredClone(study)), []);
  t.deepEqual(differences({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }), ['$.a[1].b']);
  t.deepEqual(differences({ a: [1] }, { a: [1, 2] }), ['$.a']);
  t.deepEqual(differences({ a: 1 }, { b: 1 }), ['$.a', '$.b']);
  t.deepEqual(differences({ a: undefined }, {}), []);
  t.deepEqual(differences(null, {}), ['$']);
});
