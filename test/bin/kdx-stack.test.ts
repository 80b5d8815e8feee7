import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import test from 'ava';
import { execa } from 'execa';
import { identityOf, isAlive } from '../../bin/kdx/stack/identity.ts';
import type { StackRecord } from '../../bin/kdx/stack/record.ts';
import type { ServiceName } from '../../bin/kdx/stack/service.ts';
import { readSettings } from '../../bin/kdx/stack/settings.ts';
import { connections } from '../../bin/kdx/stack/stack.ts';
import { layoutOf } from '../../bin/kdx/stack/layout.ts';
import { openS3Store } from '../../stores/s3.ts';

const KDX = join(import.meta.dirname, '../../bin/kdx.ts');
const PATIENCE_SECONDS = 120;

type Status = StackRecord & { readonly up: boolean; readonly healthy: boolean };

/** The command line on a stack of its own. */
function cli(home: string) {
  const kdx = (...args: readonly string[]) =>
    execa({ reject: false, env: { KDX_STATE_DIR: home } })(process.execPath, [KDX, ...args]);
  const status = async (): Promise<Status> =>
    JSON.parse((await kdx('status', '--json')).stdout) as Status;
  return { kdx, status };
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_SECONDS * 1000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${PATIENCE_SECONDS} s`);
    await sleep(200);
  }
}

const pidOf = (status: Status, name: ServiceName): number =>
  status.services.find((service) => service.name === name)?.pid ?? 0;

/** Every process that belongs to the stack in this folder, by the folder in its command line or environment. */
async function processesOf(home: string): Promise<readonly string[]> {
  const { stdout } = await execa`ps -eo pid=`;
  const found: string[] = [];
  for (const pid of stdout.split('\n').map((line) => line.trim())) {
    const texts = await Promise.all(
      ['cmdline', 'environ'].map((file) =>
        readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => ''),
      ),
    );
    if (texts.some((text) => text.includes(home))) found.push(`${pid} ${texts[0]}`);
  }
  return found;
}

test.serial(
  'servers come up, survive kill -9 with their state, and leave no process behind',
  async (t) => {
    const home = await mkdtemp(join(tmpdir(), 'kdx-stack-'));
    const { kdx, status } = cli(home);
    t.teardown(async () => {
      await kdx('down');
      await rm(home, { recursive: true, force: true });
    });

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

    const settings = await readSettings(layoutOf({ KDX_STATE_DIR: home }));
    if (settings === undefined) throw new Error('no settings were kept');
    const environment = connections(layoutOf({ KDX_STATE_DIR: home }), settings);
    const store = openS3Store(environment.s3);
    const blob = await store.putBlob(new TextEncoder().encode('survives'));
    const connection = await Connection.connect({ address: environment.temporal.address });
    t.teardown(() => connection.close());
    const client = new Client({ connection });
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
    await until('all servers are back', async () => {
      const now = await status();
      return now.healthy && victims.every(({ pid }) => now.services.every((s) => s.pid !== pid));
    });
    const again = await status();
    t.true(again.services.every(({ restarts }) => restarts >= 1));
    t.is(again.pid, first.pid, 'the supervisor is the same');
    t.is(new TextDecoder().decode(await store.getBlob(blob.digest)), 'survives');
    await until('the workflow is there', () =>
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
    t.deepEqual(await processesOf(home), []);
    t.false(existsSync(join(home, 'run', 'supervisor.json')));
  },
);

test.serial(
  'servers die with a supervisor that is killed, and the next up starts anew on the same ports',
  async (t) => {
    const home = await mkdtemp(join(tmpdir(), 'kdx-stack-'));
    const { kdx, status } = cli(home);
    t.teardown(async () => {
      await kdx('down');
      await rm(home, { recursive: true, force: true });
    });
    t.is((await kdx('up', '--detach')).exitCode, 0);
    const first = await status();
    process.kill(first.pid, 'SIGKILL');
    await until('no process is left', async () => (await processesOf(home)).length === 0);
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
  const home = await mkdtemp(join(tmpdir(), 'kdx-stack-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  const { exitCode, stderr } = await cli(home).kdx('env');
  t.is(exitCode, 78);
  t.regex(stderr, /no stack yet; run: kdx up/);
});
