/** What the scheduler must know of a trial; `TrialNode` of the plan has it. */
export type Task = {
  readonly id: string;
  readonly needs: readonly string[];
  readonly cost: number;
};

/** Where a task of the graph stands. */
export type TaskState = 'waiting' | 'running' | 'done' | 'failed' | 'blocked';

/**
 * A graph of tasks under way. It decides order and readiness only; what a task is and how it ends
 * is its user's. Deterministic: the same calls give the same answers, inside a workflow too.
 */
export type Schedule = {
  state(id: string): TaskState;
  /** Waiting tasks whose needs are done, by the length of their critical path, longest first. */
  ready(): readonly string[];
  start(id: string): void;
  /** Puts a running task back to waiting: it was stopped, and neither done nor failed. */
  stop(id: string): void;
  complete(id: string): void;
  /** Fails a task and blocks all that needs it; answers the tasks blocked. */
  fail(id: string): readonly string[];
  /** Puts a failed task, and what only it blocked, back to waiting. */
  retry(id: string): void;
  running(): number;
  /** Whether nothing runs and nothing can be started any more. */
  settled(): boolean;
};

/** Builds the schedule of a graph; throws when a need is unknown or the graph has a cycle. */
export function createSchedule(tasks: readonly Task[]): Schedule {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const dependants = dependantsOf(tasks, byId);
  const rank = costToFinish(tasks, dependants);
  const states = new Map<string, TaskState>(tasks.map(({ id }) => [id, 'waiting']));
  const order = tasks.map(({ id }) => id).sort((a, b) => (rank.get(b) ?? 0) - (rank.get(a) ?? 0));
  const stateOf = (id: string): TaskState => {
    const state = states.get(id);
    if (state === undefined) throw new Error(`no task ${id} in this schedule`);
    return state;
  };
  const needsDone = (id: string): boolean =>
    byId.get(id)?.needs.every((need) => states.get(need) === 'done') ?? false;
  const ready = (): readonly string[] =>
    order.filter((id) => states.get(id) === 'waiting' && needsDone(id));
  const count = (state: TaskState): number =>
    [...states.values()].filter((other) => other === state).length;
  const block = (id: string): string[] =>
    (dependants.get(id) ?? []).flatMap((dependant) => {
      if (stateOf(dependant) !== 'waiting') return [];
      states.set(dependant, 'blocked');
      return [dependant, ...block(dependant)];
    });
  const unblock = (id: string): void => {
    for (const dependant of dependants.get(id) ?? []) {
      const needs = byId.get(dependant)?.needs ?? [];
      const stuck = needs.some((need) => ['failed', 'blocked'].includes(stateOf(need)));
      if (stateOf(dependant) !== 'blocked' || stuck) continue;
      states.set(dependant, 'waiting');
      unblock(dependant);
    }
  };
  return {
    state: stateOf,
    ready,
    start: (id) => move(states, id, ['waiting'], 'running'),
    stop: (id) => move(states, id, ['running'], 'waiting'),
    complete: (id) => move(states, id, ['waiting', 'running'], 'done'),
    fail: (id) => {
      move(states, id, ['waiting', 'running'], 'failed');
      return block(id);
    },
    retry: (id) => {
      move(states, id, ['failed'], 'waiting');
      unblock(id);
    },
    running: () => count('running'),
    settled: () => count('running') === 0 && count('waiting') === 0,
  };
}

function move(
  states: Map<string, TaskState>,
  id: string,
  from: readonly TaskState[],
  to: TaskState,
): void {
  const state = states.get(id);
  if (state === undefined || !from.includes(state)) {
    throw new Error(`task ${id} is ${state ?? 'unknown'}; ${to} follows ${from.join(' or ')} only`);
  }
  states.set(id, to);
}

function dependantsOf(
  tasks: readonly Task[],
  byId: ReadonlyMap<string, Task>,
): ReadonlyMap<string, readonly string[]> {
  const dependants = new Map<string, string[]>(tasks.map(({ id }) => [id, []]));
  for (const { id, needs } of tasks) {
    for (const need of needs) {
      if (!byId.has(need)) throw new Error(`task ${id} needs ${need}, which is not in the graph`);
      dependants.get(need)?.push(id);
    }
  }
  return dependants;
}

/** Length of the critical path: cost from the start of a task to the end of the graph. */
function costToFinish(
  tasks: readonly Task[],
  dependants: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, number> {
  const unmet = new Map(tasks.map(({ id }) => [id, dependants.get(id)?.length ?? 0]));
  const queue = tasks.filter(({ id }) => unmet.get(id) === 0);
  const rank = new Map<string, number>();
  const byId = new Map(tasks.map((task) => [task.id, task]));
  for (let task = queue.pop(); task !== undefined; task = queue.pop()) {
    const after = (dependants.get(task.id) ?? []).map((id) => rank.get(id) ?? 0);
    rank.set(task.id, task.cost + Math.max(0, ...after));
    for (const need of task.needs) {
      const left = (unmet.get(need) ?? 0) - 1;
      unmet.set(need, left);
      const needed = byId.get(need);
      if (left === 0 && needed !== undefined) queue.push(needed);
    }
  }
  if (rank.size < tasks.length) {
    const stuck = tasks.filter(({ id }) => !rank.has(id)).map(({ id }) => id);
    throw new Error(`the graph has a cycle through ${stuck.join(', ')}`);
  }
  return rank;
}
