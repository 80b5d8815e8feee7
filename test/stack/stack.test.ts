import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { identityOf, isAlive } from '../../stack/identity.ts';
import { layoutOf } from '../../stack/layout.ts';
import { portOf, readSettings } from '../../stack/settings.ts';
import { openS3Store } from '../../stores/s3.ts';
import { createStack, eventually, KDX, pidOf, processesOf, temporalOf } from '../servers/stack.ts';

test.serial(
  'servers come up, survive kill -9 with their state, and leave no process behind',
  async (t) => {
    const stack = await createStack();
    const { home, kdx, status } = stack;
    t.teardown(() => stack.remove());

    t.is((await kdx('status')).exitCode, 3, 'down before up');
    const up = await kdx('up', '--detach');
    t.is(up.exitCode, 0, up.stderr);
    const first = await status();
    t.true(first.up && first.healthy);
    t.deepEqual(first.services.map(({ name }) => name).sort(), [
      'mlflow',
      's3',
      'temporal',
      'worker',
    ]);
    t.is((await stat(join(home, 'stack.json'))).mode & 0o777, 0o600, 'credentials are private');

    const environment = await stack.environment();
    const store = openS3Store(environment.s3);
    const blob = await store.putBlob(new TextEncoder().encode('survives'));
    const client = await temporalOf(stack);
    t.teardown(() => client.connection.close());
    await client.workflow.start('nobody-takes-this', { taskQueue: 'none', workflowId: 'kept' });
    const created = await fetch(`${environment.mlflowUrl}/api/2.0/mlflow/experiments/create`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'kept' }),
    });
    t.is(created.status, 200);

    const victims = first.services.flatMap(({ pid }) => identityOf(pid ?? 0) ?? []);
    t.is(victims.length, 4);
    for (const { pid } of victims) process.kill(pid, 'SIGKILL');
    await eventually('all servers are back', async () => {
      const now = await status();
      return now.healthy && victims.every(({ pid }) => now.services.every((s) => s.pid !== pid));
    });
    const again = await status();
    t.true(again.services.every(({ restarts }) => restarts >= 1));
    t.is(again.pid, first.pid, 'the supervisor is the same');
    t.is(new TextDecoder().decode(await store.getBlob(blob.digest)), 'survives');
    await eventually('the workflow is there', () =>
      client.workflow
        .getHandle('kept')
        .describe()
        .then(
          ({ status: { name } }) => name === 'RUNNING',
          () => false,
        ),
    );
    const name = `${environment.mlflowUrl}/api/2.0/mlflow/experiments/get-by-name?experiment_name=kept`;
    t.is((await fetch(name)).status, 200);

    const shell = `eval "$(${process.execPath} ${KDX} env)" && temporal workflow list`;
    const listed = await execa({ env: { KDX_STATE_DIR: home } })('sh', ['-c', shell]);
    t.regex(listed.stdout, /nobody-takes-this/, 'the plain Temporal CLI works');

    t.is((await kdx('up', '--detach')).exitCode, 0, 'up is harmless when it is up');
    t.is((await status()).pid, first.pid);

    t.is((await kdx('down')).exitCode, 0);
    t.is((await kdx('status')).exitCode, 3);
    t.deepEqual(await processesOf(stack), []);
    t.false(existsSync(join(home, 'run', 'supervisor.json')));
  },
);

test.serial(
  'a port that something else takes before its server does is given up for another',
  async (t) => {
    const stack = await createStack();
    t.teardown(() => stack.remove());
    const layout = layoutOf({ KDX_STATE_DIR: stack.home });
    const up = stack.kdx('up', '--detach');
    const settings = await eventually('ports are chosen', () => readSettings(layout));
    const port = portOf(settings, 'temporalUi');
    const other = createServer().listen(port, '127.0.0.1');
    t.teardown(() => other.close());
    await once(other, 'listening');
    const { exitCode, stderr } = await up;
    t.is(exitCode, 0, stderr);
    t.true((await stack.status()).healthy);
    const changed = await readSettings(layout);
    t.not(changed?.ports['temporalUi'], port);
    t.is(changed?.ports['s3'], settings.ports['s3'], 'the other ports are kept');
  },
);

test.serial(
  'servers die with a supervisor that is killed, and the next up starts anew on the same ports',
  async (t) => {
    const stack = await createStack();
    const { kdx, status } = stack;
    t.teardown(() => stack.remove());
    t.is((await kdx('up', '--detach')).exitCode, 0);
    const first = await status();
    process.kill(first.pid, 'SIGKILL');
    await eventually('no process is left', async () => (await processesOf(stack)).length === 0);
    t.false(isAlive(first));

    t.is((await kdx('up', '--detach')).exitCode, 0);
    const second = await status();
    t.true(second.healthy);
    t.not(pidOf(second, 'temporal'), pidOf(first, 'temporal'));
    t.deepEqual(
      second.services.map(({ address }) => address),
      first.services.map(({ address }) => address),
    );
  },
);

test.serial('kdx env names the way out when there is no stack yet', async (t) => {
  const stack = await createStack();
  t.teardown(() => stack.remove());
  const { exitCode, stderr } = await stack.kdx('env');
  t.is(exitCode, 78);
  t.regex(stderr, /no stack yet; run: kdx up/);
});
