/**
 * Counts the tests of a TAP stream as it comes, and hands on what a reader wants: one line a test,
 * and the diagnosis of those that fail. `failures` of the end are those lines once more: who keeps only
 * the tail of a long output still reads what failed.
 * @param {(line: string) => void} say
 */
export function countTap(say) {
  let rest = '';
  let isFailure = false;
  const counts = { passed: 0, failed: 0 };
  /** @type {string[]} */
  const failures = [];

  /** @param {string} line */
  const take = (line) => {
    const test = /^(not )?ok \d+ -? ?(.*)$/.exec(line);
    if (test === null) {
      if (isFailure && line.startsWith(' ')) {
        say(line);
        failures.push(line);
      } else if (line.startsWith('#') && !/^# (tests|pass|skip|fail)\b/.test(line)) say(line);
      return;
    }
    // A test that is skipped or yet to be written has not passed.
    isFailure = test[1] !== undefined || /# (SKIP|TODO)/i.test(line);
    counts[isFailure ? 'failed' : 'passed'] += 1;
    const verdict = `${isFailure ? '✘' : '✔'} ${test[2]}`;
    say(verdict);
    if (isFailure) failures.push(verdict);
  };

  return {
    /** @param {string} text */
    write(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    },
    end() {
      if (rest !== '') take(rest);
      return { ...counts, failures };
    },
  };
}
