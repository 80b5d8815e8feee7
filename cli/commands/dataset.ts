import { resolve } from 'node:path';
import { Argument, Command } from 'commander';

import { ARCHIVES } from '../../study/dataset-manifest.ts';
import { addDataset } from '../dataset/add.ts';
import type { ArchivedDataset } from '../dataset/published.ts';
import { listDatasets, type ListedDataset } from '../dataset/list.ts';
import { openS3Store } from '../../stores/s3.ts';
import { invokedFrom } from '../invoked-from.ts';
import { findServers, NO_SERVERS, requireServers } from '../servers.ts';

const ARCHIVED = Object.keys(ARCHIVES) as readonly ArchivedDataset[];

const EXAMPLES = `
The digits come with the repository. CIFAR is its authors' to give, so the download is yours:

${ARCHIVED.map((name) => `  ${downloadCommand(name)}\n  kdx dataset add ${name} --from ${archiveFile(name)}`).join('\n\n')}

A study then names it: "dataset": { "name": "cifar10", "preset": "correct" }

A dataset is kept in the store: that of this checkout's running stack (kdx up --detach), or the one that
KDX_S3_* variables name. From there it reaches every worker and leg, on whatever machine.

From a checkout: npm run kdx -- dataset …`;

const ADD_HELP = `
What PyTorch's users have is read as well: cifar-10-python.tar.gz, cifar-100-python.tar.gz, and the
folders cifar-10-batches-py and cifar-100-python that torchvision leaves behind. Their pickles are read
as data; what would be run by Python is refused.

Of an archive, size and md5 have to be the published ones. A folder with the unpacked files may hold
other bytes, as after a conversion, but the same dataset: names and sizes, no file twice, no holes, as
many images of every class as published, channels of the published mean and deviation.
Nothing is stored before all is checked, and the name comes last: an add that is interrupted changes
nothing and can be done again. One of the same name is replaced; studies that have it keep theirs.

Exit codes: 0 stored · 65 something is missing, cut short or changed · 78 no servers`;

/** `kdx dataset`: which datasets are here, and how the others come here. */
export function datasetCommand(): Command {
  return new Command('dataset')
    .description('list the datasets a study can name; register CIFAR once you have downloaded it')
    .addHelpText('after', EXAMPLES)
    .addCommand(listCommand())
    .addCommand(addCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('registered datasets, their presets, and whether the store has them')
    .action(async () => {
      const servers = await findServers(process.env);
      const store = servers === undefined ? undefined : openS3Store(servers.s3());
      const datasets = await listDatasets(store);
      const lines = datasets.map((dataset) => describe(dataset, store !== undefined));
      const end = store === undefined ? NO_SERVERS : `store: ${store.location}`;
      process.stdout.write(`${[...lines, end].join('\n')}\n`);
    });
}

function addCommand(): Command {
  return new Command('add')
    .description(
      'check the files of a dataset and put them into the store, where every worker finds them',
    )
    .addArgument(new Argument('<dataset>', 'which').choices(ARCHIVED))
    .requiredOption('--from <source>', 'its archive as downloaded, or a folder with its files')
    .addHelpText('after', `${ADD_HELP}\n${EXAMPLES}`)
    .action(async (name: ArchivedDataset, { from }: { readonly from: string }) => {
      const store = openS3Store((await requireServers(process.env)).s3());
      const { digest, images } = await addDataset(store, name, resolve(invokedFrom(), from));
      process.stdout.write(`${name}: ${images} images in ${store.location}, digest ${digest}\n`);
    });
}

function describe({ name, presets, digest, problem }: ListedDataset, asked: boolean): string {
  const state = digest !== undefined ? 'here' : asked ? 'not here' : 'not known';
  const facts = [`presets ${presets.join(', ')}`, ...(digest === undefined ? [] : [digest])];
  const archived = ARCHIVED.find((candidate) => candidate === name);
  const remedy =
    digest !== undefined || archived === undefined
      ? []
      : [
          ...(problem === undefined ? [] : [problem]),
          downloadCommand(archived),
          `kdx dataset add ${name} --from ${archiveFile(archived)}`,
        ];
  const lines = [...facts, ...remedy].map((line) => `          ${line}`);
  return [`${name.padEnd(9)} ${state}`, ...lines].join('\n');
}

function downloadCommand(name: ArchivedDataset): string {
  return `curl -fLO ${ARCHIVES[name].url}`;
}

function archiveFile(name: ArchivedDataset): string {
  return ARCHIVES[name].url.split('/').at(-1) ?? '';
}
