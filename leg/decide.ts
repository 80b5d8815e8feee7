import type { ErrorCode } from './errors.ts';
import { OUTCOME_ERROR, type Outcome } from './outcome.ts';

/** One launch of a trial's leg, as far as the next decision needs it. */
export type Attempt = {
  readonly outcome: Outcome;
  readonly host: string;
  /** One line for a person. */
  readonly detail: string;
  /** How far the launch came; absent where it said nothing. */
  readonly reached?: { readonly epoch: number; readonly step: number };
};

/** What a trial does after a launch has ended. */
export type Decision =
  | { readonly next: 'done' }
  | { readonly next: 'launch'; readonly delaySeconds: number; readonly memoryFactor: number }
  | { readonly next: 'fail'; readonly code: ErrorCode; readonly message: string };

type Rule =
  | { readonly then: 'done' }
  | { readonly then: 'fail' }
  /** Launched again without end while it gets further; `fruitless` launches in a row end it. */
  | { readonly then: 'again'; readonly fruitless: number }
  /** Launched again with more memory, at most `times` in all. */
  | { readonly then: 'more-memory'; readonly times: number };

const RULES: Readonly<Record<Outcome, Rule>> = {
  done: { then: 'done' },
  diverged: { then: 'done' },
  stopped: { then: 'again', fruitless: 10 },
  disrupted: { then: 'again', fruitless: 10 },
  nodeLost: { then: 'again', fruitless: 10 },
  stalled: { then: 'again', fruitless: 3 },
  imagePull: { then: 'again', fruitless: 10 },
  unschedulable: { then: 'again', fruitless: 100 },
  hostMemory: { then: 'more-memory', times: 4 },
  // A device has the memory it has: once more, since another process may have held it.
  deviceMemory: { then: 'again', fruitless: 2 },
  badSpec: { then: 'fail' },
  badData: { then: 'fail' },
  bug: { then: 'fail' },
  configuration: { then: 'fail' },
};

const MEMORY_STEP = 1.5;
const FIRST_DELAY_SECONDS = 1;
const MAX_DELAY_SECONDS = 300;

/**
 * What next, from all launches so far (the last one has just ended). A bug is never launched again
 * by itself; a trial that a user retries and that strikes the same defect is quarantined. Pure.
 */
export function decide(attempts: readonly Attempt[]): Decision {
  const last = attempts.at(-1);
  if (last === undefined) return { next: 'launch', delaySeconds: 0, memoryFactor: 1 };
  const rule = RULES[last.outcome];
  if (rule.then === 'done') return { next: 'done' };
  if (rule.then === 'fail') return failure(attempts, last);
  const fruitless = fruitlessTail(attempts);
  const enough =
    rule.then === 'more-memory'
      ? attempts.filter(({ outcome }) => outcome === 'hostMemory').length > rule.times
      : fruitless >= rule.fruitless;
  return enough ? failure(attempts, last) : launch(attempts, fruitless);
}

function launch(attempts: readonly Attempt[], fruitless: number): Decision {
  const outOfMemory = attempts.filter(({ outcome }) => outcome === 'hostMemory').length;
  return {
    next: 'launch',
    delaySeconds: Math.min(
      MAX_DELAY_SECONDS,
      FIRST_DELAY_SECONDS * 2 ** Math.max(0, fruitless - 1),
    ),
    memoryFactor: MEMORY_STEP ** outOfMemory,
  };
}

function failure(attempts: readonly Attempt[], last: Attempt): Decision {
  const { outcome } = last;
  if (outcome === 'done' || outcome === 'diverged') return { next: 'done' };
  const bugs = attempts.filter((attempt) => attempt.outcome === 'bug');
  const code = bugs.length > 1 ? 'Quarantined' : OUTCOME_ERROR[outcome];
  return {
    next: 'fail',
    code,
    message: `launch ${attempts.length} ended as ${outcome} on ${last.host}: ${last.detail}`,
  };
}

/** How many launches at the end of the list came no further than those before them. */
function fruitlessTail(attempts: readonly Attempt[]): number {
  let furthest = { epoch: 0, step: 0 };
  let tail = 0;
  for (const { reached } of attempts) {
    const further = reached !== undefined && isAfter(reached, furthest);
    if (further) furthest = reached;
    tail = further ? 0 : tail + 1;
  }
  return tail;
}

type Position = { readonly epoch: number; readonly step: number };

function isAfter(a: Position, b: Position): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.step > b.step);
}
