import type { TestFn, SerialFn } from 'ava';
import { openS3Store } from '../../stores/s3.ts';
import type { TestS3 } from '../servers/s3.ts';

/** What a real server refuses, told in one clear error. */
export function s3Refusals(test: TestFn | SerialFn, server: () => TestS3): void {
  test('names the place where the credentials are refused', async (t) => {
    const store = openS3Store({ ...server().s3(), secretKey: 'not the secret key' });
    for (const refused of [store.ping(), store.putLatest('a', Buffer.from('x')), store.get('a')]) {
      const error = await t.throwsAsync(refused, { code: 'Configuration' });
      t.true(error?.message.includes(server().url), error?.message);
    }
  });

  test('names the bucket that is not there', async (t) => {
    const store = openS3Store(server().s3('kdx-nowhere'));
    for (const refused of [store.ping(), store.putBlob(Buffer.from('x'))]) {
      const error = await t.throwsAsync(refused, { code: 'ObjectStore' });
      t.true(error?.message.includes(`${server().url}/kdx-nowhere`), error?.message);
    }
  });

  test('keeps two prefixes of one bucket apart', async (t) => {
    const [one, two] = ['team/one', 'team/two'].map((prefix) =>
      openS3Store({ ...server().s3('kdx-shared'), prefix }),
    );
    await one?.ensureBucket();
    await one?.putLatest('results/a.json', Buffer.from('{}'));
    t.deepEqual(await one?.list(''), ['results/a.json']);
    t.deepEqual(await two?.list(''), []);
    t.is(await two?.get('results/a.json'), undefined);
  });
}
