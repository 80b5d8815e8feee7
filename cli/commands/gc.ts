import { Command, InvalidArgumentError } from 'commander';
import { collect, collectedLines, type CollectRequest } from '../collect.ts';
import { requireServers } from '../servers.ts';

const HELP = `
Collected is what nothing names any more and what is older than a week (--older-than): blobs, checkpoints
of trials that have their result, what processes that died have left. Checkpoints of trials without a
result go after a month (--unfinished-older-than), since a study that was stopped goes on from them.
Kept is whatever a result, a dataset, a teacher, a benchmark, a report or a workflow that runs names;
logs and records of processes are never touched. Studies may run meanwhile.

The worker does it, as the workflow collect; one at a time. docs/operations.md shows how to schedule it.

Examples:
  kdx gc --dry-run                count what would go, and remove nothing
  kdx gc --older-than 2d
  kdx gc --json | jq .blobs.garbageBytes`;

type Given = {
  readonly dryRun?: boolean;
  readonly olderThan?: number;
  readonly unfinishedOlderThan?: number;
  readonly json?: boolean;
};

/** `kdx gc`: remove from the store what nothing names. */
export function gcCommand(): Command {
  return new Command('gc')
    .description('remove from the store what nothing names any more')
    .option('--dry-run', 'count it, and remove nothing')
    .option('--older-than <age>', 'leave alone what is younger: 36h, 7d; at least 24h', hours)
    .option('--unfinished-older-than <age>', 'the same for checkpoints without a result', hours)
    .option('--json', 'for programs')
    .addHelpText('after', HELP)
    .action(async ({ dryRun, olderThan, unfinishedOlderThan, json }: Given) => {
      const request: CollectRequest = {
        dryRun: dryRun === true,
        ...(olderThan === undefined ? {} : { olderThanHours: olderThan }),
        ...(unfinishedOlderThan === undefined
          ? {}
          : { unfinishedOlderThanHours: unfinishedOlderThan }),
      };
      const servers = await requireServers(process.env);
      const summary = await collect(servers.temporal(), request);
      const text = json === true ? JSON.stringify(summary) : collectedLines(summary).join('\n');
      process.stdout.write(`${text}\n`);
    });
}

const HOURS = { h: 1, d: 24 } as const;

function hours(age: string): number {
  const [, count = '', unit = ''] = /^(\d+)([hd])$/.exec(age) ?? [];
  if (unit in HOURS) return Number(count) * HOURS[unit as keyof typeof HOURS];
  throw new InvalidArgumentError('Allowed are hours and days: 36h, 7d.');
}
