/** Every study of `studies/` is planned by `kdx plan`, with no servers and no dataset anywhere. */
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test from 'ava';
import { execa } from 'execa';

import type { Forecast } from '../../../cli/study/forecast.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const NAMES = readdirSync(join(ROOT, 'studies'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.json') && !path.endsWith('.schema.json'))
  .map((path) => path.slice(0, -'.json'.length))
  .toSorted();

test('the studies of the tables are there', (t) => {
  const wanted = [
    ...['cifar10', 'cifar100', 'tiny-imagenet'].map((dataset) => `table1-${dataset}`),
    ...['table2', 'ablation', 'explain'],
  ];
  t.deepEqual(
    wanted.filter((name) => !NAMES.includes(name)),
    [],
  );
  t.is(NAMES.filter((name) => name.startsWith('benchmark-cifar100/')).length, 13);
});

for (const name of NAMES) {
  test(`${name} is planned without servers, with its time and its price`, async (t) => {
    const home = await mkdtemp(join(tmpdir(), 'kdx-shipped-'));
    t.teardown(() => rm(home, { recursive: true, force: true }));
    const { exitCode, stdout, stderr } = await execa({
      reject: false,
      env: { KDX_STATE_DIR: home },
    })(process.execPath, [
      join(ROOT, 'bin', 'kdx.ts'),
      ...['plan', name, '--gigaflops', '20000', '--price', '2.5', '--json'],
    ]);
    t.is(exitCode, 0, stderr);
    const { trials, legs, deviceHours, price } = JSON.parse(stdout) as Forecast;
    t.true(trials.every(({ state }) => state === 'unknown'));
    t.true(legs.least > 0 && legs.least <= legs.most);
    t.true((deviceHours?.toDo ?? 0) > 0);
    t.true(Math.abs((price?.toDo ?? 0) - 2.5 * (deviceHours?.toDo ?? NaN)) < 1e-9);
  });
}
