import test from 'ava';

import { openLegLog } from '../../../bin/trainer/log.ts';
import { EXIT } from '../../../leg/outcome.ts';
import { logName } from '../../../stores/names.ts';
import { digestJson } from '../../../study/canonical.ts';
import { studentSpec } from './specs.ts';
import { startLegWorld, type LegWorld, type LogLine } from './world.ts';

let world: LegWorld;
test.before(async () => {
  world = await startLegWorld();
});
test.after.always(() => world.stop());

const linesOf = (log: Uint8Array | undefined): readonly LogLine[] =>
  new TextDecoder()
    .decode(log)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);

test.serial(
  'a leg that ends leaves its whole log in the store, how it ended included',
  async (t) => {
    const { run, store } = await world.bucket();
    const spec = studentSpec();
    const done = await run(spec);
    t.is(done.code, EXIT.done);
    t.deepEqual(linesOf(await store.get(logName(digestJson(spec), done.process))), done.log);
    t.true(done.log.some(({ msg }) => msg === 'the leg has ended'));

    const refused = { ...studentSpec(), code: '0'.repeat(64) };
    const failed = await run(refused);
    t.not(failed.code, EXIT.done);
    const kept = linesOf(await store.get(logName(digestJson(refused), failed.process)));
    t.deepEqual(kept, failed.log);
    t.is(kept.at(-1)?.code, 'CodeMismatch');
  },
);

test('of a long log the end is kept, in whole lines', async (t) => {
  const written: string[] = [];
  const log = openLegLog('a', 500, (line) => void written.push(line));
  let kept: Uint8Array | undefined;
  log.keepBy((bytes) => Promise.resolve((kept = bytes)));
  for (let line = 0; line < 100; line += 1) log.logger.info({ line }, 'said');
  await log.close();
  t.is(written.length, 100);
  const lines = linesOf(kept);
  t.true((kept?.length ?? 0) <= 500 && (kept?.length ?? 0) > 300, `${kept?.length} bytes`);
  t.is(written.slice(-lines.length).join(''), new TextDecoder().decode(kept));
});

test('a log that cannot be stored is no failure', async (t) => {
  const written: string[] = [];
  const log = openLegLog('a', 500, (line) => void written.push(line));
  log.keepBy(() => Promise.reject(new Error('the store is away')));
  await log.close();
  t.regex(written.at(-1) ?? '', /this log is not in the store: the store is away/);
});
