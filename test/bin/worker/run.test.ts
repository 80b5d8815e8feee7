import test from 'ava';
import { runWorkers, thenClose } from '../../../bin/worker/run.ts';

/** A worker that runs until it is shut down, or fails when told to. */
function worker(log: string[], name: string) {
  const end = Promise.withResolvers<void>();
  let state = 'RUNNING';
  return {
    run: () => end.promise.finally(() => log.push(`${name} stopped`)),
    shutdown: () => {
      state = 'STOPPED';
      setTimeout(() => end.resolve(), 20);
    },
    getState: () => state,
    fail: (error: Error) => {
      state = 'FAILED';
      end.reject(error);
    },
  };
}

test('the first error is reported after every worker has stopped, and only then the connection closes', async (t) => {
  const log: string[] = [];
  const [one, two] = [worker(log, 'one'), worker(log, 'two')];
  const close = () => {
    log.push('closed');
    return Promise.reject(new Error('the connection is in use'));
  };
  const serving = thenClose(() => runWorkers([one, two]), close);
  one.fail(new Error('the first error'));
  await t.throwsAsync(serving, { message: 'the first error' });
  t.deepEqual(log, ['one stopped', 'two stopped', 'closed']);
});

test('a failure to close is reported when nothing has failed before', async (t) => {
  const close = () => Promise.reject(new Error('not closed'));
  await t.throwsAsync(
    thenClose(() => Promise.resolve(1), close),
    { message: 'not closed' },
  );
  t.is(
    await thenClose(
      () => Promise.resolve(1),
      () => Promise.resolve(),
    ),
    1,
  );
});
