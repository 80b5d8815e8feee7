import { Command } from 'commander';
import { openS3Store } from '../../stores/s3.ts';
import { requireServers } from '../servers.ts';
import { inventoryLines, listStudies } from '../study/inventory.ts';

const HELP = `
A study is listed under the results that its own runs computed: what it found by key, computed for
another study, counts there. Unfinished are trials that began and have no result: those under way,
stopped or failed. Times are of all processes together.

Examples:
  kdx list
  kdx list --json | jq '.[].name'`;

/** `kdx list`: the studies that the store knows of. */
export function listCommand(): Command {
  return new Command('list')
    .description('studies in the store: results, time, date, report')
    .option('--json', 'for programs')
    .addHelpText('after', HELP)
    .action(async ({ json }: { readonly json?: boolean }) => {
      const servers = await requireServers(process.env);
      const studies = await listStudies(openS3Store(servers.s3()));
      const text =
        json === true ? JSON.stringify(studies, undefined, 2) : inventoryLines(studies).join('\n');
      process.stdout.write(`${text}\n`);
    });
}
