import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { identityOf, isAlive } from '../../stack/identity.ts';
import { layoutOf } from '../../stack/layout.ts';
import { portOf, readSettings } from '../../stack/settings.ts';
import { openS3Store } from '../../stores/s3.ts';
import {
  createStack,
  eventually,
  KDX,
  pidOf,
  processesOf,
  temporalOf,
  type StackStatus,
  type TestStack,
} from '../servers/stack.ts';
import { listenersOf } from '../servers/sockets.ts';
import { HOSTILE_NAME, hostileVariables } from './hostile.ts';

/*
 * One real stack, in a folder with a hostile name and under hostile variables: what holds there holds on
 * a friendly machine. The tests build on each other.
 */

let stack: TestStack;
let user: string;
let variables: Readonly<Record<string, string>>;

test.before(async () => {
  user = await mkdtemp(join(tmpdir(), 'kdx-user-'));
  variables = await hostileVariables(user);
  stack = await createStack(variables, HOSTILE_NAME);
});
test.after.always(async () => {
  await stack.remove();
  await rm(user, { recursive: true, force: true });
});

/** The servers' processes and the supervisor's, but no command that waits for them. */
async function running(pattern: RegExp): Promise<readonly number[]> {
  const all = await processesOf(stack);
  return all.filter(({ command }) => pattern.test(command)).map(({ pid }) => pid);
}

const healthy = (): Promise<StackStatus> =>
  eventually('every server is ready', async () => {
    const now = await stack.status();
    return now.healthy && now;
  });

test.serial('before the first up, status says down and env names the way out', async (t) => {
  t.is((await stack.kdx('status')).exitCode, 3);
  const { exitCode, stderr } = await stack.kdx('env');
  t.is(exitCode, 78);
  t.regex(stderr, /no stack yet; run: kdx up/);
});

test.serial('several ups at once, attached or not, make one stack and all succeed', async (t) => {
  const ups = await Promise.all([
    stack.kdx('up', '--detach'),
    stack.kdx('up', '--detach'),
    stack.kdx('up', '--detach'),
  ]);
  for (const { exitCode, stdout, stderr } of ups) {
    t.is(exitCode, 0, stderr);
    t.regex(stdout, /^Temporal {6}127\.0\.0\.1:\d+$/m);
  }
  const attached = await stack.kdx('up');
  t.is(attached.exitCode, 0, attached.stderr);
  t.regex(attached.stdout, /already up/);
  await eventually('the ups that joined have ended', async () => {
    return (await running(/kdx\.ts up/)).length === 1;
  });
  for (const server of [/temporal server start-dev/, /weed .*server/, /bin\/worker\.ts/]) {
    t.is((await running(server)).length, 1, String(server));
  }
});

test.serial('all four servers do their work, whatever the user has set', async (t) => {
  const { services } = await healthy();
  t.deepEqual(services.map(({ name }) => name).sort(), ['mlflow', 's3', 'temporal', 'worker']);
  t.true(
    services.every(({ restarts }) => restarts === 0),
    JSON.stringify(services),
  );
  t.is((await stat(join(stack.home, 'stack.json'))).mode & 0o777, 0o600, 'credentials are private');
});

test.serial(
  'every socket that a process of the stack listens on is one of 127.0.0.1',
  async (t) => {
    const listeners = await listenersOf((await processesOf(stack)).map(({ pid }) => pid));
    t.true(listeners.length >= 10, JSON.stringify(listeners));
    t.deepEqual(
      listeners.filter(({ address }) => address !== '127.0.0.1'),
      [],
    );
  },
);

test.serial('no variable of the user reaches a server, and HOME is the stack’s', async (t) => {
  const servers = (await processesOf(stack)).filter(({ command }) => !command.includes('kdx.ts'));
  t.true(servers.length >= 4);
  const { PYTHONPATH: _path, HOME: _home, ...foreign } = variables;
  for (const { command, variables: own } of servers) {
    const seen = Object.keys(foreign).filter((name) => name in own);
    t.deepEqual(seen, [], command);
    t.is(own['HOME'], join(stack.home, 'run', 'home'), command);
  }
});

test.serial('nothing is written outside the folder of the stack', async (t) => {
  t.deepEqual(await readdir(dirname(stack.home)), [HOSTILE_NAME]);
  t.true(existsSync(join(stack.home, 'state/temporal/temporal.db')));
  t.true(existsSync(join(stack.home, 'state/mlflow/mlflow.db')));
  t.true(existsSync(join(stack.home, 'state/seaweedfs/filerldb2')));
  t.false(existsSync(join(user, 'user/other-filer')), 'the file index of another SeaweedFS');
});

test.serial('a server that is there and does nothing is failing, with the reason', async (t) => {
  const pid = pidOf(await stack.status(), 'temporal');
  process.kill(pid, 'SIGSTOP');
  try {
    const { exitCode, stdout } = await stack.kdx('status', '--json');
    t.is(exitCode, 1);
    const { services, healthy: isHealthy } = JSON.parse(stdout) as StackStatus;
    t.false(isHealthy);
    const temporal = services.find(({ name }) => name === 'temporal');
    t.is(temporal?.state, 'failing');
    t.regex(temporal?.cause ?? '', /no answer|deadline/);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  t.true((await healthy()).healthy);
});

test.serial('servers survive kill -9 with their state', async (t) => {
  const { status } = stack;
  const first = await status();
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
  const artifact = `${environment.mlflowUrl}/api/2.0/mlflow-artifacts/artifacts/page.html`;
  const uploaded = await fetch(artifact, { method: 'PUT', body: 'a report' });
  t.is(uploaded.status, 200, 'MLflow reaches the store with our credentials and no one else’s');

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
  t.is(await (await fetch(artifact)).text(), 'a report');
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
});

test.serial(
  'after kdx env, the Temporal CLI and boto3 reach the stack and nothing else',
  async (t) => {
    const inShell = (program: string) => {
      const shell = `eval "$(${process.execPath} ${KDX} env)" && unset PYTHONHOME PYTHONPATH && ${program}`;
      return execa({ env: { ...variables, KDX_STATE_DIR: stack.home } })('bash', ['-c', shell]);
    };
    const listed = await inShell('temporal workflow list');
    t.regex(listed.stdout, /nobody-takes-this/, 'the plain Temporal CLI works');
    const program = `
import boto3
print([bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]])`;
    const buckets = await inShell(`"$(dirname "$(command -v temporal)")/python" -c '${program}'`);
    t.regex(buckets.stdout, /'kdx', 'kdx-mlflow'/);
  },
);

test.serial('no command goes through a proxy to reach the stack', async (t) => {
  const listed = await stack.kdx('list');
  t.is(listed.exitCode, 0, listed.stderr);
  const planned = await stack.kdx('plan', 'digits');
  t.is(planned.exitCode, 0, planned.stderr);
  // Refused by the worker: CIFAR is not on this stack. So Temporal was reached, and answered.
  const file = join(user, 'study.json');
  const digits = await readFile(join(dirname(KDX), '../studies/digits.json'), 'utf8');
  const study = {
    ...(JSON.parse(digits) as object),
    name: 'refused',
    dataset: { name: 'cifar10' },
  };
  await writeFile(file, JSON.stringify(study));
  const { exitCode, stderr } = await stack.kdx('study', file);
  t.regex(stderr, /cifar10/);
  t.not(exitCode, 0);
  t.notRegex(stderr, /no Temporal server|proxy/i);
});

test.serial('down leaves no process and no record', async (t) => {
  t.is((await stack.kdx('down')).exitCode, 0);
  t.is((await stack.kdx('status')).exitCode, 3);
  t.deepEqual(await processesOf(stack), []);
  t.false(existsSync(join(stack.home, 'run', 'supervisor.json')));
});

test.serial(
  'a port that something else takes before its server does is given up for another',
  async (t) => {
    const layout = layoutOf({ KDX_STATE_DIR: stack.home });
    const before = await readSettings(layout);
    await rm(layout.settings);
    const up = stack.kdx('up', '--detach');
    const settings = await eventually('ports are chosen', () => readSettings(layout));
    const port = portOf(settings, 'temporalUi');
    const other = createServer().listen(port, '127.0.0.1');
    t.teardown(() => other.close());
    await once(other, 'listening');
    const { exitCode, stderr } = await up;
    t.is(exitCode, 0, stderr);
    t.true((await stack.status()).working);
    const changed = await readSettings(layout);
    t.not(before?.ports['temporalUi'], port);
    t.not(changed?.ports['temporalUi'], port);
    t.is(changed?.ports['s3'], settings.ports['s3'], 'the other ports are kept');
  },
);

test.serial(
  'servers die with a supervisor that is killed; the next up has the same ports, even without MLflow',
  async (t) => {
    const { kdx, status } = stack;
    const first = await status();
    process.kill(first.pid, 'SIGKILL');
    await eventually('no process is left', async () => (await processesOf(stack)).length === 0);
    t.false(isAlive(first));

    // Python finds it before the real one.
    await writeFile(join(stack.home, 'state/mlflow/mlflow.py'), 'raise SystemExit(3)\n');
    const up = await kdx('up', '--detach');
    t.is(up.exitCode, 0, up.stderr);
    const second = await eventually('MLflow has failed', async () => {
      const now = await status();
      return now.services.some(({ name, restarts }) => name === 'mlflow' && restarts > 0) && now;
    });
    t.not(pidOf(second, 'temporal'), pidOf(first, 'temporal'));
    t.deepEqual(
      second.services.map(({ address }) => address),
      first.services.map(({ address }) => address),
    );
    const others = second.services.filter(({ name }) => name !== 'mlflow');
    t.true(
      others.every(({ state }) => state === 'ready'),
      JSON.stringify(others),
    );
    const { stdout } = await kdx('up');
    t.regex(stdout, /MLflow UI .*does not run: exit code 3; studies run without it; its log: /);
  },
);
