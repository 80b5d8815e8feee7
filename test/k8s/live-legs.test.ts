import test from 'ava';
import { endJobs, listLiveLegs } from '../../k8s/live-legs.ts';
import { ANNOTATIONS, LABELS, MANAGER } from '../../k8s/names.ts';
import type { LiveLeg } from '../../leg/ports.ts';
import { JOB_PATH, startFakeApi, type FakeApi } from './fake-api.ts';

const OWN = { release: 'ours' };
const SETTINGS = { namespace: 'test', labels: OWN };

function put(fake: FakeApi, name: string, fields: object = {}, labels: object = OWN): void {
  const annotations = { [ANNOTATIONS.key]: `key of ${name}` };
  const metadata = { name, annotations, labels: { [LABELS.managedBy]: MANAGER, ...labels } };
  fake.put(JOB_PATH, name, { metadata, ...fields });
}

async function listAll({ api }: FakeApi): Promise<readonly LiveLeg[]> {
  const legs: LiveLeg[] = [];
  let after: string | undefined;
  do {
    const page = await listLiveLegs(api, SETTINGS, after);
    legs.push(...page.legs);
    after = page.next;
  } while (after !== undefined);
  return legs;
}

test('only Jobs of this deployment that still have something to do are listed', async (t) => {
  const fake = await startFakeApi();
  t.teardown(() => fake.stop());
  put(fake, 'live');
  put(fake, 'complete', { status: { conditions: [{ type: 'Complete', status: 'True' }] } });
  put(fake, 'failed', { status: { conditions: [{ type: 'Failed', status: 'True' }] } });
  put(fake, 'theirs', {}, { release: 'theirs' });
  put(fake, 'ending');
  fake.put(JOB_PATH, 'ending', {
    metadata: { name: 'ending', deletionTimestamp: new Date().toISOString() },
  });
  const legs = await listAll(fake);
  t.deepEqual(
    legs.map(({ job, key }) => [job, key]),
    [['live', 'key of live']],
  );
  t.true((legs[0]?.ageSeconds ?? -1) >= 0);
});

test('thousands are listed page by page, each once', async (t) => {
  const fake = await startFakeApi();
  t.teardown(() => fake.stop());
  for (let index = 0; index < 450; index += 1) put(fake, `job-${index}`);
  const legs = await listAll(fake);
  t.is(new Set(legs.map(({ job }) => job)).size, 450);
  t.is(legs.length, 450);
  t.is(fake.seen.filter((request) => request === 'LIST').length, 3);
});

test('a page that the API server has forgotten ends the listing', async (t) => {
  const fake = await startFakeApi();
  t.teardown(() => fake.stop());
  fake.statuses.push(410);
  t.deepEqual(await listLiveLegs(fake.api, SETTINGS, '200'), { legs: [] });
  fake.statuses.push(410);
  await t.throwsAsync(listLiveLegs(fake.api, SETTINGS), { message: /410/ });
});

test('Jobs are ended by name, those that are gone too', async (t) => {
  const fake = await startFakeApi();
  t.teardown(() => fake.stop());
  put(fake, 'live');
  put(fake, 'other');
  await endJobs(fake.api, 'test', ['gone', 'live']);
  t.deepEqual(
    (await listAll(fake)).map(({ job }) => job),
    ['other'],
  );
});
