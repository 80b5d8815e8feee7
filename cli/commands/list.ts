import { Argument, Command } from 'commander';
import { openS3Store } from '../../stores/s3.ts';
import { datasetLines, listDatasets } from '../dataset/list.ts';
import { distillerLines, DOT_LINE, listDistillers } from '../distillers.ts';
import { listModels, modelLines } from '../models.ts';
import { findServers, NO_SERVERS, requireServers } from '../servers.ts';
import { inventoryLines, listStudies } from '../study/inventory.ts';

const HELP = `
A study is listed under the results that its own runs computed: what it found by key, computed for
another study, counts there. Unfinished are trials that began and have no result: those under way,
stopped or failed. Times are of all processes together.

Distillers are the methods that a study may name, with what it takes where it sets nothing; models are
the networks, with their sizes for ten classes. Both are listed without any server.

Datasets are what a study may name, with classes, pixels, images and presets, and what can be added
(kdx dataset add --help).

Examples:
  kdx list
  kdx list distillers
  kdx list models
  kdx list datasets
  kdx list --json | jq '.[].name'`;

const WHAT = ['studies', 'distillers', 'models', 'datasets'] as const;

/** `kdx list`: the studies that the store knows of, or what a study may name. */
export function listCommand(): Command {
  return new Command('list')
    .description(
      'studies in the store: results, time, date, report; or distillers, models, datasets',
    )
    .addArgument(new Argument('[what]', 'what to list').choices(WHAT).default('studies'))
    .option('--json', 'for programs')
    .addHelpText('after', HELP)
    .action(async (what: (typeof WHAT)[number], { json }: { readonly json?: boolean }) => {
      const [items, lines] = await LISTINGS[what]();
      const text = json === true ? JSON.stringify(items, undefined, 2) : lines.join('\n');
      process.stdout.write(`${text}\n`);
    });
}

type Listing = readonly [items: unknown, lines: readonly string[]];

function distillers(): Listing {
  const items = listDistillers();
  return [items, [...distillerLines(items), '', DOT_LINE]];
}

function models(): Listing {
  const items = listModels();
  return [items, modelLines(items)];
}

async function datasets(): Promise<Listing> {
  const servers = await findServers(process.env);
  const store = servers === undefined ? undefined : openS3Store(servers.s3());
  const items = await listDatasets(store);
  const end = store === undefined ? NO_SERVERS : `store: ${store.location}`;
  return [items, [...datasetLines(items), '', end]];
}

async function studies(): Promise<Listing> {
  const servers = await requireServers(process.env);
  const items = await listStudies(openS3Store(servers.s3()));
  return [items, inventoryLines(items)];
}

const LISTINGS: Readonly<Record<(typeof WHAT)[number], () => Listing | Promise<Listing>>> = {
  studies,
  distillers,
  models,
  datasets,
};
