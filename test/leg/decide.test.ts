import test from 'ava';
import fc from 'fast-check';
import { decide, type Attempt } from '../../leg/decide.ts';
import { OUTCOMES, type Outcome } from '../../leg/outcome.ts';

const at = (outcome: Outcome, epoch?: number, step = 0): Attempt => ({
  outcome,
  host: 'h1',
  detail: 'exit',
  ...(epoch === undefined ? {} : { reached: { epoch, step } }),
});
const many = (count: number, attempt: Attempt): Attempt[] =>
  Array.from({ length: count }, () => attempt);

test('a trial without launches is launched at once', (t) => {
  t.deepEqual(decide([]), { next: 'launch', delaySeconds: 0, memoryFactor: 1 });
});

for (const outcome of ['done', 'diverged'] as const) {
  test(`after ${outcome} the trial is done`, (t) => {
    t.deepEqual(decide([at('stopped', 1), at(outcome)]), { next: 'done' });
  });
}

const FINAL = [
  ['badSpec', 'SpecInvalid'],
  ['badData', 'DataMismatch'],
  ['configuration', 'Configuration'],
  ['bug', 'CodeBug'],
] as const;
for (const [outcome, code] of FINAL) {
  test(`${outcome} is never launched again and fails with ${code}`, (t) => {
    const decision = decide([at(outcome)]);
    t.is(decision.next, 'fail');
    t.like(decision, { code });
  });
}

test('a failure names the launch, the host and what it said', (t) => {
  t.like(decide([at('bug')]), { message: 'launch 1 ended as bug on h1: exit' });
});

test('the same defect in a retried trial is quarantined', (t) => {
  t.like(decide([at('bug'), at('bug')]), { next: 'fail', code: 'Quarantined' });
});

test('launches that get further go on without end and without growing delays', (t) => {
  const attempts = Array.from({ length: 200 }, (_, i) => at('disrupted', i + 1));
  t.deepEqual(decide(attempts), { next: 'launch', delaySeconds: 1, memoryFactor: 1 });
});

test('delays double while nothing is gained, up to five minutes', (t) => {
  const delays = [1, 2, 3, 4, 9].map((count) => {
    const decision = decide(many(count, at('disrupted')));
    return decision.next === 'launch' ? decision.delaySeconds : undefined;
  });
  t.deepEqual(delays, [1, 2, 4, 8, 256]);
  t.like(decide(many(60, at('unschedulable'))), { delaySeconds: 300 });
});

const CAPS = [
  ['stopped', 10, 'Stopped'],
  ['disrupted', 10, 'Disrupted'],
  ['nodeLost', 10, 'NodeLost'],
  ['stalled', 3, 'Stalled'],
  ['imagePull', 10, 'ImagePull'],
  ['unschedulable', 100, 'Unschedulable'],
  ['deviceMemory', 2, 'OutOfDeviceMemory'],
] as const;
for (const [outcome, cap, code] of CAPS) {
  test(`${cap} launches in a row that ended as ${outcome} and gained nothing fail with ${code}`, (t) => {
    t.is(decide(many(cap - 1, at(outcome))).next, 'launch');
    t.like(decide(many(cap, at(outcome))), { next: 'fail', code });
    t.is(decide([...many(cap - 1, at(outcome)), at(outcome, 1)]).next, 'launch');
  });
}

test('a launch that comes only as far as an earlier one has gained nothing', (t) => {
  const attempts = [
    at('stalled', 2, 5),
    at('stalled', 2, 5),
    at('stalled', 2, 4),
    at('stalled', 1),
  ];
  t.like(decide(attempts), { next: 'fail', code: 'Stalled' });
});

test('out of host memory gets half as much again each time, four times', (t) => {
  const factor = (count: number): number | undefined => {
    const decision = decide(many(count, at('hostMemory')));
    return decision.next === 'launch' ? decision.memoryFactor : undefined;
  };
  t.deepEqual([1, 2, 3, 4, 5].map(factor), [1.5, 2.25, 3.375, 5.0625, undefined]);
  t.like(decide(many(5, at('hostMemory'))), { next: 'fail', code: 'OutOfHostMemory' });
});

test('the memory a trial was given is kept through later disruptions', (t) => {
  t.like(decide([at('hostMemory'), at('disrupted', 1)]), { next: 'launch', memoryFactor: 1.5 });
});

test('every history is decided, and nothing that ended well is launched again', (t) => {
  const attempt = fc.record({
    outcome: fc.constantFrom(...OUTCOMES),
    host: fc.constant('h'),
    detail: fc.string(),
    reached: fc.record({ epoch: fc.nat(20), step: fc.nat(20) }),
  });
  fc.assert(
    fc.property(fc.array(attempt, { minLength: 1, maxLength: 30 }), (attempts) => {
      const decision = decide(attempts);
      const last = attempts.at(-1)?.outcome;
      const over = last === 'done' || last === 'diverged';
      if (over !== (decision.next === 'done')) return false;
      return decision.next !== 'launch' || decision.delaySeconds <= 300;
    }),
  );
  t.pass();
});
