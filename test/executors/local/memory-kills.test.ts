import test from 'ava';
import { countMemoryKills, watchMemoryKills } from '../../../executors/local/memory-kills.ts';

/** Reads files of a system by their paths. */
const systemOf =
  (files: Readonly<Record<string, string>>) =>
  (file: string): string => {
    const text = files[file];
    if (text === undefined) throw new Error(`ENOENT ${file}`);
    return text;
  };

test('kills are counted by the control group of this process, in both versions', (t) => {
  const second = systemOf({
    '/proc/self/cgroup': '0::/user.slice/kdx\n',
    '/sys/fs/cgroup/user.slice/kdx/memory.events': 'low 0\noom 3\noom_kill 2\n',
  });
  t.is(countMemoryKills(second), 2);
  const first = systemOf({
    '/proc/self/cgroup': '9:cpu,cpuacct:/\n4:memory:/docker/a\n',
    '/sys/fs/cgroup/memory/docker/a/memory.oom_control': 'under_oom 0\noom_kill 5\n',
  });
  t.is(countMemoryKills(first), 5);
});

test('without such a counter a kill is no evidence of want of memory', (t) => {
  const bare = systemOf({ '/proc/self/cgroup': '0::/\n', '/proc/vmstat': 'oom_kill 7\n' });
  t.is(countMemoryKills(bare), undefined);
  t.false(watchMemoryKills(() => undefined).attribute());
});

test('a kill is attributed to one process only', (t) => {
  let kills = 4;
  const watch = watchMemoryKills(() => kills);
  t.false(watch.attribute(), 'those before are nobody of ours');
  kills = 5;
  t.true(watch.attribute());
  t.false(watch.attribute(), 'the next kill -9 is not for want of memory');
});
