import type { ErrorCode } from './errors.ts';
import { OUTCOME_ERROR, type Outcome } from './outcome.ts';
import type { Position } from './result.ts';
import { MEMORY_CAP_MIB } from './spec.ts';

/** One launch of a trial's leg that has ended, as far as the next decision needs it. */
export type Launch = {
  /** From 0. */
  readonly launch: number;
  readonly outcome: Outcome;
  readonly host: string;
  /** One line for a person. */
  readonly detail: string;
  /** Its last committed checkpoint; absent where it left none. */
  readonly reached?: Position;
};

/** What a trial does after a launch has ended. */
export type Decision =
  | { readonly next: 'done' }
  | {
      readonly next: 'launch';
      readonly delaySeconds: number;
      readonly memoryMiB: number;
      /** The least flavour that may have enough device memory; absent while none has had too little. */
      readonly flavour?: string;
      /** Hosts whose own fault the last failures may have been. */
      readonly avoidHosts: readonly string[];
    }
  | { readonly next: 'fail'; readonly code: ErrorCode; readonly message: string };

type Rule =
  | { readonly then: 'done' }
  | { readonly then: 'fail' }
  /** Launched again without end while it gets further; `fruitless` launches in a row end it. */
  | { readonly then: 'again'; readonly fruitless: number }
  /** May be the fault of a host or of a build: launched elsewhere before it is final. */
  | { readonly then: 'elsewhere'; readonly times: number }
  | { readonly then: 'more-memory' }
  /** Launched on the next flavour while there is one, then as `again`: another process may have held it. */
  | { readonly then: 'next-flavour'; readonly fruitless: number };

/** What the first launch of a trial asks for, and what there is beyond it. */
export type Asked = {
  /** Host memory; each launch that ran out of it is followed by one with half as much again, up to the cap. */
  readonly memoryMiB: number;
  /** Flavours of the leg's device by size, smallest first; none where a host has what it has. */
  readonly flavours: readonly string[];
};

const RULES: Readonly<Record<Outcome, Rule>> = {
  done: { then: 'done' },
  diverged: { then: 'done' },
  stopped: { then: 'again', fruitless: 10 },
  disrupted: { then: 'again', fruitless: 10 },
  nodeLost: { then: 'again', fruitless: 10 },
  stalled: { then: 'again', fruitless: 3 },
  imagePull: { then: 'again', fruitless: 10 },
  // Waiting for a node is part of a launch: this is what can never be scheduled.
  unschedulable: { then: 'again', fruitless: 10 },
  hostMemory: { then: 'more-memory' },
  deviceMemory: { then: 'next-flavour', fruitless: 2 },
  badSpec: { then: 'fail' },
  badData: { then: 'fail' },
  bug: { then: 'elsewhere', times: 2 },
  configuration: { then: 'elsewhere', times: 2 },
};

/** Outcomes after which another host is preferred. */
const OF_A_HOST: readonly Outcome[] = ['bug', 'configuration', 'deviceMemory'];
const HOSTS_AVOIDED = 10;
/** A leg that struck a defect so often has been retried by a user, and in vain. */
const QUARANTINE_BUGS = 3;

const MEMORY_STEP = 1.5;
const FIRST_DELAY_SECONDS = 1;
const MAX_DELAY_SECONDS = 300;

/** What next, from all launches so far (the last one has just ended). Pure. */
export function decide(launches: readonly Launch[], asked: Asked): Decision {
  const { memoryMiB } = asked;
  const last = launches.at(-1);
  if (last === undefined) return { next: 'launch', delaySeconds: 0, memoryMiB, avoidHosts: [] };
  const rule = RULES[last.outcome];
  if (rule.then === 'done') return { next: 'done' };
  return isOver(rule, launches, last, asked) ? failure(launches, last) : again(launches, asked);
}

function isOver(
  rule: Rule,
  launches: readonly Launch[],
  { outcome }: Launch,
  { memoryMiB, flavours }: Asked,
): boolean {
  switch (rule.then) {
    case 'again':
      return fruitlessTail(launches) >= rule.fruitless;
    case 'elsewhere':
      return countOf(launches, outcome) >= rule.times;
    case 'more-memory':
      return memoryAfter(countOf(launches, outcome) - 1, memoryMiB) >= MEMORY_CAP_MIB;
    case 'next-flavour':
      return (
        countOf(launches, outcome) >= flavours.length && fruitlessTail(launches) >= rule.fruitless
      );
    default:
      return true;
  }
}

function again(launches: readonly Launch[], { memoryMiB, flavours }: Asked): Decision {
  const doublings = Math.max(0, fruitlessTail(launches) - 1);
  const hosts = launches.filter(({ outcome }) => OF_A_HOST.includes(outcome)).map((l) => l.host);
  return {
    next: 'launch',
    delaySeconds: Math.min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** doublings),
    memoryMiB: memoryAfter(countOf(launches, 'hostMemory'), memoryMiB),
    ...flavourAfter(countOf(launches, 'deviceMemory'), flavours),
    avoidHosts: [...new Set(hosts)].slice(-HOSTS_AVOIDED),
  };
}

function memoryAfter(outOfMemory: number, memoryMiB: number): number {
  return Math.min(MEMORY_CAP_MIB, Math.ceil(memoryMiB * MEMORY_STEP ** outOfMemory));
}

function flavourAfter(
  outOfDeviceMemory: number,
  flavours: readonly string[],
): { readonly flavour?: string } {
  const flavour = flavours[Math.min(outOfDeviceMemory, flavours.length - 1)];
  return outOfDeviceMemory === 0 || flavour === undefined ? {} : { flavour };
}

function countOf(launches: readonly Launch[], wanted: Outcome): number {
  return launches.filter(({ outcome }) => outcome === wanted).length;
}

function failure(launches: readonly Launch[], last: Launch): Decision {
  const { outcome, host, detail, launch } = last;
  if (outcome === 'done' || outcome === 'diverged') return { next: 'done' };
  const quarantined = outcome === 'bug' && countOf(launches, 'bug') >= QUARANTINE_BUGS;
  return {
    next: 'fail',
    code: quarantined ? 'Quarantined' : OUTCOME_ERROR[outcome],
    message: `launch ${launch + 1} ended as ${outcome} on ${host}: ${detail}`,
  };
}

/** How many launches at the end of the list came no further than those before them. */
function fruitlessTail(launches: readonly Launch[]): number {
  let furthest: Position = { epoch: 0, step: 0 };
  let tail = 0;
  for (const { reached } of launches) {
    const further = reached !== undefined && isAfter(reached, furthest);
    if (further) furthest = reached;
    tail = further ? 0 : tail + 1;
  }
  return tail;
}

function isAfter(a: Position, b: Position): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.step > b.step);
}

/** Launches that are kept, beside those that are counted over the whole of a trial. */
const LAUNCHES_KEPT = 30;
const COUNTED: readonly Outcome[] = ['bug', 'configuration', 'hostMemory', 'deviceMemory'];

/**
 * Drops launches that no decision depends on, so that a trial of thousands of disruptions holds a short
 * list: `decide` answers the same. Kept are the youngest, those counted, and the one that came furthest.
 */
export function boundLaunches(launches: readonly Launch[]): readonly Launch[] {
  if (launches.length <= LAUNCHES_KEPT) return launches;
  const furthest = launches.reduce((best, launch) => {
    const { reached } = launch;
    const isFurther = reached && (!best.reached || isAfter(reached, best.reached));
    return isFurther ? launch : best;
  });
  const youngest = launches.length - LAUNCHES_KEPT;
  return launches.filter(
    (launch, index) => index >= youngest || launch === furthest || COUNTED.includes(launch.outcome),
  );
}
