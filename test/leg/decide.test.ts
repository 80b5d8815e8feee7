import test from 'ava';
import fc from 'fast-check';
import {
  boundLaunches,
  decide as decideFrom,
  type Decision,
  type Launch,
} from '../../leg/decide.ts';
import { OUTCOMES, type Outcome } from '../../leg/outcome.ts';
import { MEMORY_CAP_MIB } from '../../leg/spec.ts';

const MEMORY_MIB = 1000;
const decide = (launches: readonly Launch[], flavours: readonly string[] = []): Decision =>
  decideFrom(launches, { memoryMiB: MEMORY_MIB, flavours });

const at = (outcome: Outcome, epoch?: number, step = 0): Launch => ({
  ...{ launch: 0, outcome, host: 'h1', detail: 'exit' },
  ...(epoch === undefined ? {} : { reached: { epoch, step } }),
});
const many = (count: number, launch: Launch): Launch[] =>
  Array.from({ length: count }, () => launch);

test('a trial without launches is launched at once', (t) => {
  t.deepEqual(decide([]), { next: 'launch', delaySeconds: 0, memoryMiB: 1000, avoidHosts: [] });
});

for (const outcome of ['done', 'diverged'] as const) {
  test(`after ${outcome} the trial is done`, (t) => {
    t.deepEqual(decide([at('stopped', 1), at(outcome)]), { next: 'done' });
  });
}

const FINAL = [
  ['badSpec', 'SpecInvalid'],
  ['badData', 'DataMismatch'],
] as const;
for (const [outcome, code] of FINAL) {
  test(`${outcome} is never launched again and fails with ${code}`, (t) => {
    const decision = decide([at(outcome)]);
    t.is(decision.next, 'fail');
    t.like(decision, { code });
  });
}

for (const [outcome, code] of [
  ['configuration', 'Configuration'],
  ['bug', 'CodeBug'],
] as const) {
  test(`${outcome} is launched once more, on another host, and is then ${code}`, (t) => {
    t.like(decide([at(outcome)]), { next: 'launch', avoidHosts: ['h1'] });
    t.like(decide([at('stopped', 1), at(outcome), at('stopped', 2)]), { avoidHosts: ['h1'] });
    t.like(decide([at(outcome), at(outcome)]), { next: 'fail', code });
  });
}

test('a failure names the launch, the host and what it said', (t) => {
  const message = 'launch 3 ended as badSpec on h1: exit';
  t.like(decide([{ ...at('badSpec'), launch: 2 }]), { message });
});

test('the same defect in a retried trial is quarantined', (t) => {
  t.like(decide(many(3, at('bug'))), { next: 'fail', code: 'Quarantined' });
});

test('launches that get further go on without end and without growing delays', (t) => {
  const launches = Array.from({ length: 200 }, (_, i) => at('disrupted', i + 1));
  t.like(decide(launches), { next: 'launch', delaySeconds: 1, memoryMiB: 1000 });
});

test('delays double while nothing is gained, up to five minutes', (t) => {
  const delays = [1, 2, 3, 4, 9].map((count) => {
    const decision = decide(many(count, at('disrupted')));
    return decision.next === 'launch' ? decision.delaySeconds : undefined;
  });
  t.deepEqual(delays, [1, 2, 4, 8, 256]);
  t.like(decide(many(10, at('hostMemory'))), { delaySeconds: 300 });
});

const CAPS = [
  ['stopped', 10, 'Stopped'],
  ['disrupted', 10, 'Disrupted'],
  ['nodeLost', 10, 'NodeLost'],
  ['stalled', 3, 'Stalled'],
  ['imagePull', 10, 'ImagePull'],
  ['unschedulable', 10, 'Unschedulable'],
  ['deviceMemory', 2, 'OutOfDeviceMemory'],
] as const;
for (const [outcome, cap, code] of CAPS) {
  test(`${cap} launches in a row that ended as ${outcome} and gained nothing fail with ${code}`, (t) => {
    t.is(decide(many(cap - 1, at(outcome))).next, 'launch');
    t.like(decide(many(cap, at(outcome))), { next: 'fail', code });
    t.is(decide([...many(cap - 1, at(outcome)), at(outcome, 1)]).next, 'launch');
  });
}

test('each lack of device memory leads to the next flavour, and on the last one to another try', (t) => {
  const flavours = ['small', 'middle', 'large'];
  const flavourAfter = (times: number): string | undefined => {
    const decision = decide(many(times, at('deviceMemory')), flavours);
    return decision.next === 'launch' ? decision.flavour : decision.next;
  };
  t.deepEqual([0, 1, 2, 3].map(flavourAfter), [undefined, 'middle', 'large', 'fail']);
  const disrupted = [at('deviceMemory'), at('disrupted', 1)];
  t.like(decide(disrupted, flavours), { next: 'launch', flavour: 'middle' });
  t.is(decide([at('deviceMemory'), at('deviceMemory')], ['only']).next, 'fail');
});

test('a launch that comes only as far as an earlier one has gained nothing', (t) => {
  const launches = [
    at('stalled', 2, 5),
    at('stalled', 2, 5),
    at('stalled', 2, 4),
    at('stalled', 1),
  ];
  t.like(decide(launches), { next: 'fail', code: 'Stalled' });
});

test('out of host memory gets half as much again each time, up to the cap', (t) => {
  const memory = (count: number): number | undefined => {
    const decision = decide(many(count, at('hostMemory')));
    return decision.next === 'launch' ? decision.memoryMiB : undefined;
  };
  t.deepEqual([1, 2, 3, 4].map(memory), [1500, 2250, 3375, 5063]);
  t.deepEqual([10, 11, 12].map(memory), [57_666, MEMORY_CAP_MIB, undefined]);
  t.like(decide(many(12, at('hostMemory'))), { next: 'fail', code: 'OutOfHostMemory' });
});

test('a leg that had all the memory there is fails at once', (t) => {
  t.like(decideFrom([at('hostMemory')], { memoryMiB: MEMORY_CAP_MIB, flavours: [] }), {
    next: 'fail',
    code: 'OutOfHostMemory',
  });
});

test('the memory a trial was given is kept through later disruptions', (t) => {
  t.like(decide([at('hostMemory'), at('disrupted', 1)]), { next: 'launch', memoryMiB: 1500 });
});

test('every history is decided, and nothing that ended well is launched again', (t) => {
  const launch = fc.record({
    outcome: fc.constantFrom(...OUTCOMES),
    host: fc.constant('h'),
    detail: fc.string(),
    launch: fc.nat(),
    reached: fc.record({ epoch: fc.nat(20), step: fc.nat(20) }),
  });
  fc.assert(
    fc.property(fc.array(launch, { minLength: 1, maxLength: 30 }), (launches) => {
      const decision = decide(launches);
      const last = launches.at(-1)?.outcome;
      const over = last === 'done' || last === 'diverged';
      if (over !== (decision.next === 'done')) return false;
      return decision.next !== 'launch' || decision.delaySeconds <= 300;
    }),
  );
  t.pass();
});

test('a bounded list of launches decides as the whole one', (t) => {
  const outcome = fc.constantFrom(...OUTCOMES);
  const position = fc.record({ epoch: fc.nat(9), step: fc.nat(9) });
  const launch = fc.record({ outcome, reached: fc.option(position, { nil: undefined }) });
  let longest = 0;
  fc.assert(
    fc.property(fc.array(launch, { minLength: 1, maxLength: 200 }), (ends) => {
      // A trial goes on only while it is told to: of a random list that is a part.
      const whole: Launch[] = [];
      let kept: readonly Launch[] = [];
      for (const { outcome: end, reached } of ends) {
        const next = { ...at(end), launch: whole.length, ...(reached && { reached }) };
        whole.push(next);
        kept = boundLaunches([...kept, next]);
        longest = Math.max(longest, kept.length);
        const decision = decide(whole);
        if (JSON.stringify(decide(kept)) !== JSON.stringify(decision)) return false;
        if (decision.next !== 'launch') return true;
      }
      return true;
    }),
  );
  t.true(longest <= 50, String(longest));
  const thousands = Array.from({ length: 5000 }, (_, i) => ({
    ...at('disrupted', i + 1),
    launch: i,
  }));
  t.is(boundLaunches(thousands).length, 30);
});
