import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setInterval } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeLease, type OwnLease } from '../../../bin/trainer/lease.ts';
import { watchParent } from '../../../bin/trainer/orphan.ts';
import type { Lease } from '../../../leg/result.ts';
import { openFolderStore } from '../../../stores/folder.ts';
import { openLeases } from '../../../stores/leases.ts';
import { keepLog } from '../../../stores/logs.ts';
import { digestJson } from '../../../study/canonical.ts';

/**
 * A leg's process as the executor sees one, without TensorFlow: what it does is named by its argument.
 */
const [, , behaviour = '', argument = ''] = process.argv;

function take(): Promise<OwnLease> {
  return takeLease({
    leases: openLeases(openFolderStore(process.env['KDX_TEST_STORE'] ?? '')),
    ...{ key: digestJson('a'), process: process.env['KDX_PROCESS'] ?? '', intervalSeconds: 1 },
    host: hostname(),
    onChange: (lease: Lease) => void process.send?.(lease, undefined, {}, () => undefined),
  });
}

const at = (step: number) => ({
  ...{ key: digestJson('a'), process: process.env['KDX_PROCESS'] ?? '', trial: 't' },
  ...{ epoch: 0, epochs: 1, step, steps: 9, imagesPerSecond: 1, etaSeconds: 1 },
  ...{ peakBytes: 1, at: new Date().toISOString() },
});

/** Goes on until it is told to stop, then exits as a leg does after its checkpoint. */
async function workUntilStopped(): Promise<void> {
  let stop = false;
  const stopNow = (): void => {
    stop = true;
  };
  process.on('SIGTERM', stopNow);
  process.on('disconnect', stopNow);
  const lease = await take();
  for (let step = 1; !stop && !lease.stopRequested(); step += 1) {
    lease.progress(at(step));
    await sleep(20);
  }
  lease.noteCommitted({ epoch: 0, step: 7 });
  await lease.end('stopped', 'by itself');
  process.exit(75);
}

if (behaviour === 'work') await workUntilStopped();
else if (behaviour === 'deaf') {
  process.on('SIGTERM', () => undefined);
  (await take()).progress(at(1));
  setInterval(() => undefined, 1000);
} else if (behaviour === 'hang') {
  watchParent(0.5);
  (await take()).progress(at(1));
  // As a hang in native code does: no event reaches this thread any more.
  setInterval(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 500);
} else if (behaviour === 'brief') {
  (await take()).progress(at(1));
  await sleep(Number(argument));
  process.exit(70);
} else if (behaviour === 'silent') setInterval(() => undefined, 1000);
else if (behaviour === 'environment') {
  writeFileSync(argument, JSON.stringify(process.env));
} else if (behaviour === 'crash') process.kill(process.pid, 'SIGSEGV');
else if (behaviour === 'killed') {
  console.error('said before the end');
  process.kill(process.pid, 'SIGKILL');
} else if (behaviour === 'keeps') {
  const store = openFolderStore(process.env['KDX_TEST_STORE'] ?? '');
  const log = Buffer.from('the whole log');
  await keepLog(store, digestJson('a'), process.env['KDX_PROCESS'] ?? '', log);
  process.exit(70);
} else {
  console.error('said before the end');
  process.exit(Number(behaviour));
}
