import test from 'ava';
import { MAX_PAGE } from '../../study/status.ts';
import { openRun } from '../../workflows/carry.ts';
import { failTrial, type StudyRun } from '../../workflows/state.ts';
import { statusOf } from '../../workflows/status.ts';
import { changesOf, trialsOf } from '../../workflows/trials.ts';
import { opening, smallStudy } from './world.ts';

/** What Temporal accepts of one answer; it warns from a quarter of that on. */
const WARNING_BYTES = 512 * 1024;
/** Where a status with a row a trial was refused. */
const NODES = 13_500;

/** A study of CE students over many seeds, a training and an evaluation each. */
function runOf(nodes: number): StudyRun {
  const seeds = Array.from({ length: nodes / 2 }, (_, i) => i);
  const { teachers: _none, ...rest } = smallStudy();
  const study = {
    ...rest,
    seeds: { init: seeds, data: seeds },
    sweep: {
      students: [{ name: 'resnet8' as const }],
      methods: [{ id: 'CE', distillers: [{ name: 'ce' as const }] }],
      train: { epochs: 1, optimizer: { name: 'sgd' as const } },
    },
  };
  return openRun(opening(study, ['sweep']), 0);
}

/** Fails every training, each with the longest message that a failure may have. */
function failAll(run: StudyRun): void {
  const message = 'x'.repeat(2000);
  for (const [id, { node }] of run.entries) {
    if (node.kind === 'train') failTrial(run, id, { code: 'CodeBug', message }, []);
  }
}

const bytesOf = (value: unknown): number => JSON.stringify(value).length;

test('the size of the status does not depend on the number of trials', (t) => {
  const [small, large] = [runOf(20), runOf(NODES)];
  failAll(small);
  failAll(large);
  t.is(large.entries.size, NODES);
  const digits = 40; // A larger count takes more digits.
  t.true(bytesOf(statusOf(large, 1)) <= bytesOf(statusOf(small, 1)) + digits);
  t.deepEqual(statusOf(large, 1).failures, { CodeBug: NODES / 2 });
});

test('every page of trials and of changes is small enough for one answer', (t) => {
  const run = runOf(NODES);
  failAll(run);
  const ids: string[] = [];
  for (let from: number | undefined = 0; from !== undefined;) {
    const page = trialsOf(run, from, 1e6);
    t.true(page.trials.length <= MAX_PAGE && bytesOf(page) < WARNING_BYTES);
    ids.push(...page.trials.map(({ id }) => id));
    from = page.next;
  }
  t.deepEqual(ids, [...run.entries.keys()], 'the pages hold every trial once, in plan order');
  const changed = new Set<string>();
  for (let since = 0; ;) {
    const page = changesOf(run, since, 1e6);
    t.true(page.trials.length <= MAX_PAGE && bytesOf(page) < WARNING_BYTES);
    for (const { id } of page.trials) changed.add(id);
    if (page.next === since) break;
    since = page.next;
  }
  t.is(changed.size, NODES, 'all failed or were blocked');
});

test('a page of one state holds that state only, and goes on where it ended', (t) => {
  const run = runOf(20);
  const [first = ''] = run.entries.keys();
  failTrial(run, first, { code: 'CodeBug', message: 'm' }, []);
  const failed = trialsOf(run, 0, 5, 'failed');
  t.deepEqual(
    failed.trials.map(({ id }) => id),
    [first],
  );
  t.is(failed.next, undefined);
  const waiting = trialsOf(run, 0, 5, 'waiting');
  const rest = trialsOf(run, waiting.next ?? 0, 100, 'waiting');
  t.is(waiting.trials.length + rest.trials.length, 18, 'one failed and blocked one');
});

test('a place in the log of an earlier run makes the changes be told anew', (t) => {
  const run = runOf(20);
  const [first = ''] = run.entries.keys();
  failTrial(run, first, { code: 'CodeBug', message: 'm' }, []);
  t.is(changesOf(run, 99, 10).trials.length, 2);
});
