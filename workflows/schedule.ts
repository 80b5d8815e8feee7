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

/**
 * Builds the schedule of a graph; throws when a need is unknown or the graph has a cycle. What a
 * question costs does not grow with the graph: a workflow asks several at each of its steps.
 */
export function createSchedule(tasks: readonly Task[]): Schedule {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const dependants = dependantsOf(tasks, byId);
  const rank = costToFinish(tasks, dependants);
  const order = tasks.map(({ id }) => id).sort((a, b) => (rank.get(b) ?? 0) - (rank.get(a) ?? 0));
  const board = createBoard(order);
  const unmet = new Map(tasks.map(({ id, needs }) => [id, needs.length]));
  for (const id of order) if (unmet.get(id) === 0) board.show(id);
  const needsOf = (id: string): readonly string[] => byId.get(id)?.needs ?? [];
  const dependantsOn = (id: string): readonly string[] => dependants.get(id) ?? [];
  const move = (id: string, from: readonly TaskState[], to: TaskState): void => {
    const state = board.state(id);
    if (!from.includes(state)) {
      throw new Error(`task ${id} is ${state}; ${to} follows ${from.join(' or ')} only`);
    }
    board.set(id, to);
    if (to === 'waiting' && unmet.get(id) === 0) board.show(id);
  };
  const block = (id: string): string[] =>
    dependantsOn(id).flatMap((dependant) => {
      if (board.state(dependant) !== 'waiting') return [];
      board.set(dependant, 'blocked');
      return [dependant, ...block(dependant)];
    });
  const unblock = (id: string): void => {
    for (const dependant of dependantsOn(id)) {
      const stuck = needsOf(dependant).some((need) =>
        ['failed', 'blocked'].includes(board.state(need)),
      );
      if (board.state(dependant) !== 'blocked' || stuck) continue;
      move(dependant, ['blocked'], 'waiting');
      unblock(dependant);
    }
  };
  return {
    state: board.state,
    ready: board.ready,
    start: (id) => move(id, ['waiting'], 'running'),
    stop: (id) => move(id, ['running'], 'waiting'),
    complete: (id) => {
      move(id, ['waiting', 'running'], 'done');
      for (const dependant of dependantsOn(id)) {
        const left = (unmet.get(dependant) ?? 0) - 1;
        unmet.set(dependant, left);
        if (left === 0 && board.state(dependant) === 'waiting') board.show(dependant);
      }
    },
    fail: (id) => {
      move(id, ['waiting', 'running'], 'failed');
      return block(id);
    },
    retry: (id) => {
      move(id, ['failed'], 'waiting');
      unblock(id);
    },
    running: () => board.count('running'),
    settled: () => board.count('running') === 0 && board.count('waiting') === 0,
  };
}

/** The states of tasks, how many are in each, and which of those that wait may start. */
type Board = {
  state(id: string): TaskState;
  /** Takes a task from those that may start. */
  set(id: string, state: TaskState): void;
  /** Puts a task among those that may start. */
  show(id: string): void;
  count(state: TaskState): number;
  /** Tasks that may start, in the order of the board; the answer stays as it is. */
  ready(): readonly string[];
};

/** A board on which all tasks wait and none may start. */
function createBoard(order: readonly string[]): Board {
  const states = new Map<string, TaskState>(order.map((id) => [id, 'waiting']));
  const counts = { waiting: order.length, running: 0, done: 0, failed: 0, blocked: 0 };
  const positions = new Map(order.map((id, position) => [id, position]));
  const shown: string[] = [];
  let answer: readonly string[] | undefined;
  const positionOf = (id: string | undefined): number => positions.get(id ?? '') ?? Infinity;
  /** Where a task stands, or would stand, among those shown. */
  const placeOf = (id: string): number => {
    let [low, high] = [0, shown.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (positionOf(shown[middle]) < positionOf(id)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const stateOf = (id: string): TaskState => {
    const state = states.get(id);
    if (state === undefined) throw new Error(`no task ${id} in this schedule`);
    return state;
  };
  return {
    state: stateOf,
    set(id, state) {
      counts[stateOf(id)] -= 1;
      counts[state] += 1;
      states.set(id, state);
      const place = placeOf(id);
      if (shown[place] !== id) return;
      shown.splice(place, 1);
      answer = undefined;
    },
    show(id) {
      shown.splice(placeOf(id), 0, id);
      answer = undefined;
    },
    count: (state) => counts[state],
    ready: () => (answer ??= [...shown]),
  };
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
