import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import test from 'ava';
import { execa } from 'execa';
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { openSearchable } from '../../activities/searchable.ts';
import type { Leg } from '../../leg/spec.ts';
import { addSearchAttributes } from '../../stack/temporal.ts';
import {
  activitiesOf,
  createWorld,
  developmentServer,
  done,
  smallStudy,
  toolchain,
  withWorkers,
  workflowBundle,
} from './world.ts';

const DOCS = new URL('../../docs/operations.md', import.meta.url);
let server: TestWorkflowEnvironment;

test.before(async () => {
  server = await developmentServer();
});
test.after.always(() => server.teardown());

/** Runs a study of which one student diverges and one fails. */
async function run(name: string, searchable: () => Promise<boolean>): Promise<void> {
  const world = createWorld((leg: Leg) => {
    if (leg.trial.endsWith('CE/s1')) return { ...done(world, leg), outcome: 'badData' };
    const report = done(world, leg);
    if (!leg.trial.endsWith('CE/s2')) return report;
    const result = { ...report.result!, status: 'diverged' as const, metrics: {} };
    world.results.set(leg.key, result);
    return { ...report, outcome: 'diverged', result };
  });
  const activities = activitiesOf(world);
  const resolveStudy: typeof activities.resolveStudy = async (input) => {
    const pinned = await activities.resolveStudy(input);
    return { ...pinned, searchable: await searchable() };
  };
  await withWorkers(server, { ...activities, resolveStudy }, () =>
    server.client.workflow
      .execute('reproduce', {
        ...{ taskQueue: 'kdx', workflowId: `reproduce/${name}` },
        args: [smallStudy({ name })],
      })
      .catch(() => undefined),
  );
}

const said: string[] = [];
const searchable = () =>
  openSearchable(
    server.connection.operatorService,
    'default',
    (message) => void said.push(message),
  );

const cli = async (...args: readonly string[]): Promise<string> => {
  const options = ['--address', server.address, '--output', 'json'];
  return (await execa(toolchain().temporal, [...args, ...options])).stdout;
};

test.serial(
  'where the server does not know them, studies run and the log says so once',
  async (t) => {
    const ask = searchable();
    t.false(await ask());
    t.false(await ask());
    t.is(said.length, 1);
    t.regex(
      said[0] ?? '',
      /KdxStudy is not there as Keyword; temporal operator search-attribute create/,
    );
    await run('unknown', ask);
    const { status } = await server.client.workflow.getHandle('reproduce/unknown').describe();
    t.is(status.name, 'FAILED', 'of its trials');
  },
);

test.serial('every query of docs/operations.md finds what it says', async (t) => {
  await addSearchAttributes(server.connection.operatorService, 'default');
  await addSearchAttributes(server.connection.operatorService, 'default');
  await run('digits', searchable());
  const docs = await readFile(DOCS, 'utf8');
  const queries = [...docs.matchAll(/^temporal workflow (list|count) --query '(.*Kdx.*)'$/gm)];
  t.is(queries.length, 5);
  // Visibility is behind by some milliseconds.
  await setTimeout(1500);
  const found: number[] = [];
  for (const [, verb = '', query = ''] of queries) {
    const answer = JSON.parse(await cli('workflow', verb, '--query', query)) as
      readonly unknown[] | { readonly count: string };
    found.push('count' in answer ? Number(answer.count) : answer.length);
  }
  t.deepEqual(found, [1, 1, 2, 2, 8]);
});

test.serial('a study with attributes replays, its trials as well', async (t) => {
  const { client } = server;
  const histories = [];
  for await (const { workflowId } of client.workflow.list({ query: 'KdxStudy = "digits"' })) {
    histories.push({
      workflowId,
      history: await client.workflow.getHandle(workflowId).fetchHistory(),
    });
  }
  t.is(histories.length, 9);
  const options = { workflowBundle: await workflowBundle() };
  for await (const { error } of Worker.runReplayHistories(options, histories)) {
    t.is(error, undefined);
  }
});
