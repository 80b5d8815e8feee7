import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { KdxError } from '../../leg/errors.ts';
import { addressLines } from '../../stack/addresses.ts';
import { refreshCodeIndex } from '../../stack/code-index.ts';
import { checkVariables } from '../../environment/environment.ts';
import { ROOT } from '../../environment/root.ts';
import { layoutOf } from '../../stack/layout.ts';
import type { Layout } from '../../stack/layout.ts';
import { readRunning } from '../../stack/record.ts';
import { whenAborted, withStack } from '../../stack/serve.ts';

/** `kdx up`: start the servers and watch over them. */
export function upCommand(): Command {
  return new Command('up')
    .description('start Temporal, S3, MLflow and the worker on 127.0.0.1, and restart what dies')
    .option('-d, --detach', 'return when they are ready; `kdx down` stops them')
    .action(async ({ detach }: { readonly detach?: boolean }) => {
      checkVariables(process.env);
      const layout = layoutOf(process.env);
      await refreshCodeIndex();
      if ((await readRunning(layout)) !== undefined) {
        process.stdout.write('already up\n');
        await printAddresses(layout);
        return;
      }
      await (detach === true ? detachedUp(layout) : attachedUp(layout));
    });
}

async function attachedUp(layout: Layout): Promise<void> {
  await withStack(layout, async (stack, signal) => {
    const aborted = whenAborted(signal);
    await Promise.race([stack.ready, aborted]);
    if (signal.aborted) return;
    await printAddresses(layout);
    process.stdout.write('Ctrl-C stops them\n');
    await aborted;
  });
}

/** The supervisor as a process of its own, which outlives this one. */
async function detachedUp(layout: Layout): Promise<void> {
  mkdirSync(layout.logs, { recursive: true });
  const logFile = join(layout.logs, 'up.log');
  const log = openSync(logFile, 'w', 0o600);
  const child = spawn(process.execPath, [join(ROOT, 'bin', 'kdx.ts'), 'up'], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: ROOT,
  });
  closeSync(log);
  let exitCode: number | null | undefined;
  child.once('exit', (code) => (exitCode = code));
  child.unref();
  while (exitCode === undefined) {
    const record = await readRunning(layout);
    if (record?.pid === child.pid && record?.ready === true) {
      await printAddresses(layout);
      return;
    }
    await sleep(100);
  }
  const text = await readFile(logFile, 'utf8');
  throw new KdxError('Configuration', `the servers did not come up:\n${text.trimEnd()}`);
}

async function printAddresses(layout: Layout): Promise<void> {
  const record = await readRunning(layout);
  if (record !== undefined) process.stdout.write(`${addressLines(record).join('\n')}\n`);
}
