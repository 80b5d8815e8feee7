import { readFileSync } from 'node:fs';

/** Where the kernel counts the out-of-memory kills of a control group, in both versions of them. */
const COUNTERS = [
  { line: /^0::(\/.*)$/m, file: (path: string) => `/sys/fs/cgroup${path}/memory.events` },
  {
    line: /^\d+:(?:\w+,)*memory(?:,\w+)*:(\/.*)$/m,
    file: (path: string) => `/sys/fs/cgroup/memory${path}/memory.oom_control`,
  },
];

/**
 * The out-of-memory kills so far among this process and its children; undefined where no control group
 * counts them. The machine's own counter is no evidence: it counts every other program, too.
 */
export function countMemoryKills(
  read = (file: string): string => readFileSync(file, 'utf8'),
): number | undefined {
  for (const { line, file } of COUNTERS) {
    try {
      const path = line.exec(read('/proc/self/cgroup'))?.[1];
      if (path === undefined) continue;
      const count = /^oom_kill (\d+)$/m.exec(read(file(path.replace(/\/$/, ''))))?.[1];
      if (count !== undefined) return Number(count);
    } catch {
      continue; // Not Linux, or not that version of control groups.
    }
  }
  return undefined;
}

/** Attributes each kill that is counted to one process that was killed. */
export type MemoryKills = {
  /** Whether a kill was counted that no other process has been attributed. */
  attribute(): boolean;
};

/** Starts from the kills that have been counted so far. */
export function watchMemoryKills(count = countMemoryKills): MemoryKills {
  let attributed = count() ?? 0;
  return {
    attribute: () => {
      if ((count() ?? 0) <= attributed) return false;
      attributed += 1;
      return true;
    },
  };
}
