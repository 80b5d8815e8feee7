import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { listWatch } from '../../k8s/list-watch.ts';
import { POD_PATH, startFakeApi, type FakeApi, type WatchMode } from './fake-api.ts';

const LABELS = { x: 'y' };

const LIMITS = {
  ...{ watchSeconds: 1, overdueSeconds: 0.5, relistSeconds: 60 },
  ...{ firstBackoffSeconds: 0.02, maxBackoffSeconds: 0.2 },
};

type Followed = Pick<FakeApi, 'seen' | 'statuses' | 'start' | 'stop'> & {
  put(name: string): void;
  remove(name: string): void;
  /** An object with other labels. */
  putOther(name: string): void;
  /** What the loop reported, in order: `a+` for an object that is there, `a-` for one that is gone. */
  readonly reported: string[];
  readonly warnings: string[];
  until(condition: () => boolean, what: string): Promise<void>;
};

async function follow(t: ExecutionContext, modes: readonly WatchMode[] = []): Promise<Followed> {
  const fake = await startFakeApi();
  fake.modes.push(...modes);
  const put = (name: string): void =>
    fake.put(POD_PATH, name, { metadata: { name, labels: LABELS } });
  put('a');
  const control = new AbortController();
  const [reported, warnings]: [string[], string[]] = [[], []];
  const loop = listWatch({
    ...{ api: fake.api, path: POD_PATH, labelSelector: 'x=y', limits: LIMITS },
    changed: (name, object) => reported.push(`${name}${object === undefined ? '-' : '+'}`),
    warn: (message) => warnings.push(message),
    signal: control.signal,
  });
  t.teardown(async () => {
    control.abort();
    await loop;
    await fake.stop();
  });
  const until = async (condition: () => boolean, what: string): Promise<void> => {
    for (let waited = 0; waited < 10_000; waited += 20) {
      if (condition()) return;
      await sleep(20);
    }
    t.fail(`${what} did not happen; seen ${fake.seen.join(', ')}; reported ${reported.join(' ')}`);
  };
  const remove = (name: string): void => fake.remove(POD_PATH, name);
  const putOther = (name: string): void => fake.put(POD_PATH, name);
  return { ...fake, put, remove, putOther, reported, warnings, until };
}

test('objects that are there are reported once, then every change', async (t) => {
  const { put, remove, reported, until } = await follow(t);
  await until(() => reported.length === 1, 'the list');
  put('b');
  put('a');
  remove('b');
  await until(() => reported.length === 4, 'three events');
  t.deepEqual(reported, ['a+', 'b+', 'a+', 'b-']);
});

test('objects of other labels are not ours', async (t) => {
  const fake = await follow(t);
  await fake.until(() => fake.reported.length === 1, 'the list');
  fake.putOther('z');
  fake.put('b');
  await fake.until(() => fake.reported.includes('b+'), 'the event after it');
  t.deepEqual(fake.reported, ['a+', 'b+']);
});

test('a watch that ends in order goes on from its last version, without a list', async (t) => {
  const { put, seen, reported, until } = await follow(t);
  await until(() => seen.filter((line) => line.startsWith('WATCH')).length === 3, 'three watches');
  put('b');
  await until(() => reported.includes('b+'), 'an event of the third watch');
  t.is(seen.filter((line) => line === 'LIST').length, 1);
  t.deepEqual(reported, ['a+', 'b+']);
});

for (const mode of ['half-open', 'silent'] as const) {
  test(`a ${mode} watch is dropped, and what happened meanwhile is reported`, async (t) => {
    const { put, seen, reported, until } = await follow(t, [mode]);
    await until(() => seen.includes('WATCH 2'), 'the first watch');
    put('b');
    await until(() => reported.includes('b+'), 'the event behind the dropped watch');
    t.deepEqual(reported, ['a+', 'b+']);
  });
}

for (const mode of ['gone', 'gone-later'] as const) {
  test(`a version that is too old (${mode}) is answered with a list at once`, async (t) => {
    const { put, seen, warnings, reported, until } = await follow(t, [mode]);
    await until(() => seen.filter((line) => line === 'LIST').length === 2, 'a second list');
    put('b');
    await until(() => reported.includes('b+'), 'the event after it');
    t.deepEqual(warnings, []);
  });
}

test('a watch that breaks off within an event is resumed, and the event comes whole', async (t) => {
  const { put, reported, until } = await follow(t, ['broken']);
  put('b');
  await until(() => reported.includes('b+'), 'the event');
  t.deepEqual(reported, ['a+', 'b+']);
});

for (const status of [401, 429, 500, 503]) {
  test(`a server that answers ${status} for a while is asked again`, async (t) => {
    const { put, statuses, warnings, reported, until } = await follow(t);
    await until(() => reported.length === 1, 'the list');
    statuses.push(status, status, status);
    await until(() => statuses.length === 0, 'three refusals');
    put('b');
    await until(() => reported.includes('b+'), 'the event after them');
    t.regex(warnings[0] ?? '', new RegExp(`${status}`));
  });
}

test('a server that was away is asked again; what was removed meanwhile is reported as gone', async (t) => {
  const { put, remove, start, stop, reported, until } = await follow(t);
  put('b');
  await until(() => reported.includes('b+'), 'the second object');
  await stop();
  remove('b');
  put('c');
  await sleep(300);
  await start();
  await until(() => reported.includes('c+'), 'the list after the restart');
  t.deepEqual(reported.slice(2).sort(), ['b-', 'c+']);
});

test('an abort ends the loop, in the middle of a watch too', async (t) => {
  const fake = await startFakeApi();
  const control = new AbortController();
  const loop = listWatch({
    ...{ api: fake.api, path: POD_PATH, labelSelector: '', limits: LIMITS },
    ...{ changed: () => undefined, warn: (message: string) => t.fail(message) },
    signal: control.signal,
  });
  while (!fake.seen.some((line) => line.startsWith('WATCH'))) await sleep(10);
  control.abort();
  await loop;
  await fake.stop();
  t.pass();
});
