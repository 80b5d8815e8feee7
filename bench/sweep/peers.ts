import { execa } from 'execa';
import { join } from 'node:path';

import { voice } from '../../scripts/setup/progress.mjs';
import { providePeers } from '../../scripts/setup/peers.mjs';
import type { PeerName } from './options.ts';

/** What `peers/run_<name>.py` prints. */
type Run = { readonly trials: number; readonly seconds: number };

/** Trials a second of each: trials that do nothing, in the way that its documentation begins with. */
export async function measurePeers(
  names: readonly PeerName[],
  trials: number,
): Promise<Partial<Record<PeerName, number>>> {
  const rates: Partial<Record<PeerName, number>> = {};
  for (const name of names) {
    const say = voice(name);
    const python = await providePeers(say);
    say(`${trials} trials`);
    const program = join(import.meta.dirname, 'peers', `run_${name}.py`);
    const { stdout } = await execa(python, [program, String(trials)], { stderr: 'ignore' });
    const run = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Run;
    rates[name] = Number((run.trials / run.seconds).toFixed(1));
  }
  return rates;
}
