import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test from 'ava';
import { execa } from 'execa';

const program = new URL('./train-steps.ts', import.meta.url).pathname;

type Trained = { readonly losses: readonly number[]; readonly digest: string };

/** Trains in a new process on the recorded engine; an empty name stands for no file. */
async function trained(first: number, last: number, from = '', to = ''): Promise<Trained> {
  const options = ['recorded', String(first), String(last), from, to];
  const { stdout } = await execa(process.execPath, [program, ...options]);
  return JSON.parse(stdout) as Trained;
}

test('Two processes train to the same losses and the same bytes', async (t) => {
  const [one, other] = await Promise.all([trained(0, 6), trained(0, 6)]);
  t.is(one.losses.length, 6);
  t.deepEqual(other, one);
});

test('A process that goes on from a saved state ends with the bytes of one that never stopped', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kdx-determinism-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'state.safetensors');
  const whole = await trained(0, 6);
  const start = await trained(0, 3, '', file);
  const rest = await trained(3, 6, file);
  t.deepEqual([...start.losses, ...rest.losses], whole.losses);
  t.is(rest.digest, whole.digest);
});
