import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { readToolchain } from '../../stack/toolchain.ts';
import { startTemporal } from '../servers/temporal.ts';
import { CHART } from './helm.ts';

type Described = {
  readonly schedule: {
    readonly state?: { readonly paused?: boolean };
    readonly policies: { readonly catchupWindow: string };
    readonly action: {
      readonly startWorkflow: { readonly workflowType: { readonly name: string } };
    };
  };
};

test('schedules are made, brought up to date, kept paused, and taken away', async (t) => {
  const { temporal } = await readToolchain();
  const server = await startTemporal();
  const folder = await mkdtemp(join(tmpdir(), 'kdx-schedules-'));
  t.teardown(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });
  const env = {
    PATH: [dirname(temporal), process.env['PATH']].join(delimiter),
    ...{ TEMPORAL_ADDRESS: server.address, TIME_ZONE: 'UTC', SCHEDULES: folder, HOME: folder },
  };
  const bring = async (verb: string, catchUp = '6h'): Promise<string> => {
    const input = join(folder, 'study.json');
    await writeFile(input, '{"name":"nightly"}');
    const lines = ['nightly', 'weekly'].map(
      (id) => `${id}|0 2 * * *|${catchUp}|reproduce|reproduce/${id}|${input}\n`,
    );
    await writeFile(join(folder, 'list'), lines.join(''));
    const script = join(CHART, 'files/schedules.sh');
    return (await execa('sh', [script, verb], { env, extendEnv: false })).stdout;
  };
  const cli = async (...args: string[]): Promise<string> => {
    const { stdout } = await execa(temporal, ['schedule', ...args], { env, extendEnv: false });
    return stdout;
  };
  const describe = async (id: string): Promise<Described['schedule']> =>
    (JSON.parse(await cli('describe', '--schedule-id', id, '--output', 'json')) as Described)
      .schedule;

  t.true((await bring('apply')).endsWith('nightly: create\nweekly: create'), 'both are new');
  await cli('toggle', '--schedule-id', 'nightly', '--pause', '--reason', 'holiday');
  t.true((await bring('apply', '2h')).endsWith('weekly: update'));
  const [nightly, weekly] = [await describe('nightly'), await describe('weekly')];
  t.is(nightly.policies.catchupWindow, '7200s');
  t.is(nightly.action.startWorkflow.workflowType.name, 'reproduce');
  t.true(nightly.state?.paused);
  t.falsy(weekly.state?.paused);

  await bring('delete');
  await bring('delete');
  await t.throwsAsync(describe('nightly'), { message: /describe/ });
});
