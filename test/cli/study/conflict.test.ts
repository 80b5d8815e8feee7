import { Client, Connection } from '@temporalio/client';
import test from 'ava';

import { checkSameStudy, differences } from '../../../cli/study/conflict.ts';
import { studyLike } from '../../fixtures/report/input.ts';
import { startTemporal } from '../../servers/temporal.ts';

const written = (epochs: number, more: object = {}) => ({
  ...{ name: 'edited', dataset: { name: 'digits' }, ...more },
  teachers: [{ id: 'resnet14', model: { name: 'resnet14' }, train: { epochs } }],
});

test('a study that runs with other content is not taken for the one in the file', async (t) => {
  const server = await startTemporal();
  t.teardown(() => server.stop());
  const connection = await Connection.connect({ address: server.address });
  t.teardown(() => connection.close());
  const client = new Client({ connection });
  const workflowId = 'reproduce/edited';
  // Nobody carries it out: what it was started with is in its history from the first moment.
  await client.workflow.start('reproduce', { args: [written(4)], taskQueue: 'none', workflowId });
  const check = (input: unknown) => checkSameStudy(client, workflowId, { name: 'edited', input });

  await t.notThrowsAsync(check(written(4)));
  await t.notThrowsAsync(check(written(4, { limits: { parallel: 2 } })), 'a default that is written out');
  await t.throwsAsync(check(written(5, { description: 'edited' })), {
    code: 'SpecInvalid',
    message:
      /^a study named edited is under way with other content; what differs: \$\.description, \$\.teachers\[0\]\.train\.epochs\. Watch that one: kdx study --join\. Replace it: temporal workflow cancel --workflow-id reproduce\/edited/,
  });
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
