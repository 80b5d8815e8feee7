import { readFile } from 'node:fs/promises';
import test from 'ava';
import { checkVariables } from '../../environment/environment.ts';
import { ERROR_CODES } from '../../leg/errors.ts';

const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');

/** The variables that legs are told by their executor; no stack knows them. */
const OF_LEGS = ['KDX_LEG', 'KDX_PROCESS', 'KDX_NODE'];

test('the page lists every error code as it is: exit code, retry, advice', (t) => {
  const rows = new Map(
    [...page.matchAll(/^\| `([A-Z]\w+)` \| (\d+) \| (yes|no) \| (.+) \|$/gm)].map(
      ([, code = '', ...rest]) => [code, rest],
    ),
  );
  t.deepEqual([...rows.keys()], Object.keys(ERROR_CODES));
  for (const [code, { exitCode, retry, advice }] of Object.entries(ERROR_CODES)) {
    t.deepEqual(rows.get(code), [String(exitCode), retry ? 'yes' : 'no', advice], code);
  }
});

test('the page names every KDX variable that the stack knows, and no other', (t) => {
  const named = new Set(page.match(/\bKDX_[A-Z0-9_]+\b/g));
  const refusal = t.throws(() => checkVariables({ KDX_NO_SUCH: '1' }));
  const known = refusal?.message.match(/\bKDX_[A-Z0-9_]+\b/g)?.filter((n) => n !== 'KDX_NO_SUCH');
  t.true((known?.length ?? 0) >= 13);
  t.deepEqual([...named].sort(), [...(known ?? []), ...OF_LEGS].sort());
});
