import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { checkVariables } from '../../environment/environment.ts';
import { identityOf, isAlive, trySignal } from '../../stack/identity.ts';
import type { Identity } from '../../stack/identity.ts';
import { lockHolder } from '../../stack/lock.ts';
import { layoutOf } from '../../stack/layout.ts';
import type { Layout } from '../../stack/layout.ts';
import { readRunning, reapRemains } from '../../stack/record.ts';

/** Longer than all servers' own grace together. */
const PATIENCE_SECONDS = 200;

/** A supervisor that has not written its record yet. */
async function comingUp({ home }: Layout): Promise<Identity | undefined> {
  const holder = await lockHolder(home);
  holder?.forget();
  return holder?.pid === undefined ? undefined : identityOf(holder.pid);
}

/** `kdx down`: stop the servers, whatever supervises them. */
export function downCommand(): Command {
  return new Command('down').description('stop the servers; their state stays').action(async () => {
    checkVariables(process.env);
    const layout = layoutOf(process.env);
    const running = (await readRunning(layout)) ?? (await comingUp(layout));
    if (running !== undefined) {
      trySignal(running.pid, 'SIGTERM');
      const deadline = performance.now() + PATIENCE_SECONDS * 1000;
      while (isAlive(running) && performance.now() < deadline) await sleep(50);
      if (isAlive(running)) trySignal(running.pid, 'SIGKILL');
      while (isAlive(running)) await sleep(50);
    }
    const reaped = await reapRemains(layout);
    const wasUp = running !== undefined || reaped.length > 0;
    process.stdout.write(wasUp ? 'down\n' : 'nothing was up\n');
  });
}
