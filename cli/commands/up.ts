import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
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
import type { StackRecord } from '../../stack/record.ts';
import { whenAborted, withStack } from '../../stack/serve.ts';

/** `kdx up`: start the servers and watch over them. */
export function upCommand(): Command {
  return new Command('up')
    .description('start Temporal, S3, MLflow and the worker on 127.0.0.1, and restart what dies')
    .option('-d, --detach', 'return when studies can run; `kdx down` stops them')
    .action(async ({ detach }: { readonly detach?: boolean }) => {
      checkVariables(process.env);
      const layout = layoutOf(process.env);
      await refreshCodeIndex();
      await (detach === true ? detachedUp(layout) : attachedUp(layout));
    });
}

async function attachedUp(layout: Layout): Promise<void> {
  await withStack(layout, {
    joined: async (record) => {
      process.stdout.write('already up\n');
      printAddresses(record);
    },
    own: async (stack, signal) => {
      const record = await readRunning(layout);
      if (record !== undefined) printAddresses(record);
      process.stdout.write('Ctrl-C stops them\n');
      void stack.tracking.then((problem) => {
        if (problem === undefined || signal.aborted) return;
        process.stderr.write(`MLflow does not run, studies run without it: ${problem}\n`);
      });
      await whenAborted(signal);
    },
  });
}

/** The supervisor as a process of its own, which outlives this one. */
async function detachedUp(layout: Layout): Promise<void> {
  mkdirSync(layout.logs, { recursive: true });
  const logFile = join(layout.logs, 'up.log');
  const log = openSync(logFile, 'a', 0o600);
  const { size } = fstatSync(log);
  const child = spawn(process.execPath, [join(ROOT, 'bin', 'kdx.ts'), 'up'], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: ROOT,
  });
  closeSync(log);
  let exitCode: number | null | undefined;
  child.once('exit', (code) => (exitCode = code));
  child.unref();
  for (;;) {
    const record = await readRunning(layout);
    if (record?.working === true) {
      if (record.pid !== child.pid) process.stdout.write('already up\n');
      return printAddresses(record);
    }
    if (exitCode !== undefined) break;
    await sleep(100);
  }
  const text = (await readFile(logFile)).subarray(size).toString('utf8');
  throw new KdxError('Configuration', `the servers did not come up:\n${text.trimEnd()}`);
}

function printAddresses(record: StackRecord): void {
  process.stdout.write(`${addressLines(record).join('\n')}\n`);
}
