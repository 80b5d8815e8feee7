import { Argument, Command } from 'commander';
import { openS3Store } from '../../stores/s3.ts';
import { distillerLines, listDistillers } from '../distillers.ts';
import { requireServers } from '../servers.ts';
import { inventoryLines, listStudies } from '../study/inventory.ts';

const HELP = `
A study is listed under the results that its own runs computed: what it found by key, computed for
another study, counts there. Unfinished are trials that began and have no result: those under way,
stopped or failed. Times are of all processes together.

Distillers are the methods that a study may name, with what it takes where it sets nothing; they are
listed without any server.

Examples:
  kdx list
  kdx list distillers
  kdx list --json | jq '.[].name'`;

const WHAT = ['studies', 'distillers'] as const;

/** `kdx list`: the studies that the store knows of, or the methods that a study may name. */
export function listCommand(): Command {
  return new Command('list')
    .description('studies in the store: results, time, date, report; or the distillers')
    .addArgument(new Argument('[what]', 'what to list').choices(WHAT).default('studies'))
    .option('--json', 'for programs')
    .addHelpText('after', HELP)
    .action(async (what: (typeof WHAT)[number], { json }: { readonly json?: boolean }) => {
      const [items, lines] = what === 'distillers' ? distillers() : await studies();
      const text = json === true ? JSON.stringify(items, undefined, 2) : lines.join('\n');
      process.stdout.write(`${text}\n`);
    });
}

type Listing = readonly [items: unknown, lines: readonly string[]];

function distillers(): Listing {
  const items = listDistillers();
  return [items, distillerLines(items)];
}

async function studies(): Promise<Listing> {
  const servers = await requireServers(process.env);
  const items = await listStudies(openS3Store(servers.s3()));
  return [items, inventoryLines(items)];
}
