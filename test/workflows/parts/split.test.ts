import test from 'ava';
import { expandStudy, type TrialNode } from '../../../study/plan/plan.ts';
import type { StudyInput } from '../../../study/schema.ts';
import { splitStudy, type PartPlan, type Progress } from '../../../workflows/parts/split.ts';
import { resolved, smallStudy } from '../world.ts';

function planOf(seeds: number, changes: Partial<StudyInput> = {}): readonly TrialNode[] {
  const all = Array.from({ length: seeds }, (_, i) => i + 1);
  const study = resolved(smallStudy({ seeds: { init: all, data: all }, ...changes }));
  return expandStudy(study.study, study);
}

const everythingOpen = (): Progress => 'open';
const idsOf = (parts: readonly PartPlan[]): readonly string[] => parts.flatMap(({ ids }) => ids);

test('every trial is in one part, or shared; none is in a part larger than asked for', (t) => {
  const plan = planOf(20);
  const { upstream, parts, stuck } = splitStudy(plan, everythingOpen, 12);
  t.deepEqual(stuck, []);
  t.deepEqual(
    upstream.map(({ id }) => id),
    ['teacher/big', 'teacher/big/evaluation'],
  );
  const ids = [...upstream.map(({ id }) => id), ...idsOf(parts)];
  t.deepEqual(ids.toSorted(), plan.map(({ id }) => id).toSorted());
  t.true(parts.every((part) => part.ids.length <= 12));
});

test('trials that need one another are in one part', (t) => {
  const { parts } = splitStudy(planOf(20), everythingOpen, 12);
  for (const { ids, width } of parts) {
    t.is(width, ids.length / 2);
    for (const id of ids.filter((each) => each.endsWith('/evaluation'))) {
      t.true(ids.includes(id.slice(0, -'/evaluation'.length)));
    }
  }
});

test('what can start without the teacher comes first, apart from what waits for it', (t) => {
  const { parts } = splitStudy(planOf(20), everythingOpen, 12);
  const isFree = parts.map(({ startsFree }) => startsFree);
  t.deepEqual(
    isFree,
    [...isFree].sort((a, b) => Number(b) - Number(a)),
  );
  for (const { ids, startsFree, needs } of parts) {
    t.true(ids.every((id) => id.includes(startsFree ? '/CE/' : '/KD/')));
    t.deepEqual(needs, ['teacher/big']);
  }
});

test('what is done is in no part; what has failed is in a part of its own, for a retry', (t) => {
  const plan = planOf(4);
  const failed = 'sweep/resnet8/CE/s2';
  const progress = (id: string): Progress => {
    if (id.startsWith(failed)) return 'stuck';
    return id.startsWith('sweep/resnet8/CE/') ? 'done' : 'open';
  };
  const { parts, stuck } = splitStudy(plan, progress, 400);
  t.is(parts.length, 1);
  t.true(idsOf(parts).every((id) => id.startsWith('sweep/resnet8/KD/')));
  t.deepEqual(idsOf(stuck), [failed, `${failed}/evaluation`]);
});

test('a group of which a trial is left is run as a whole', (t) => {
  const left = 'sweep/resnet8/KD/s3/evaluation';
  const { parts } = splitStudy(planOf(4), (id) => (id === left ? 'open' : 'done'), 400);
  t.deepEqual(idsOf(parts), ['sweep/resnet8/KD/s3', left]);
});

test('the stages of an explainer and its explanation are one group', (t) => {
  const train = { epochs: 2, optimizer: { name: 'adam' } } as const;
  const plan = planOf(3, {
    explain: { teacher: 'big', stage1: train, stage2: train, seeds: 3 },
  });
  const { parts } = splitStudy(plan, everythingOpen, 3);
  const arms = parts.filter(({ ids }) => ids[0]?.startsWith('explain/'));
  t.true(arms.length >= 3);
  for (const { ids } of arms) {
    t.is(new Set(ids.map((id) => id.replace(/\/[a-z]+$/, ''))).size, 1);
    t.is(ids.length, 3);
  }
});
