import { Argument, Command } from 'commander';

import { ARCHIVES } from '../../study/dataset-manifest.ts';
import { addDataset } from '../dataset/add.ts';
import type { ArchivedDataset } from '../dataset/archive.ts';
import { listDatasets, type ListedDataset } from '../dataset/list.ts';
import { checkVariables } from '../../environment/environment.ts';
import { ROOT } from '../../environment/root.ts';
import { layoutOf } from '../../stack/layout.ts';

const ARCHIVED = Object.keys(ARCHIVES) as readonly ArchivedDataset[];

const EXAMPLES = `
The digits come with the repository. CIFAR is its authors' to give, so the download is yours:

${ARCHIVED.map((name) => `  ${downloadCommand(name)}\n  kdx dataset add ${name} ${archiveFile(name)}`).join('\n\n')}

A study then names it: "dataset": { "name": "cifar10", "preset": "correct" }

From a checkout: npm run kdx -- dataset …, and a relative path is one of the checkout.
Files are kept in datasets/ of the cache folder (KDX_CACHE_DIR, else .kdx/cache of the checkout).`;

const ADD_HELP = `
Of an archive, size and md5 have to be the published ones. Of a folder with the unpacked files, their
sizes. Of both, every record and every label. Only the files of the dataset are taken, and they get
their names in one move: an add that is interrupted leaves nothing, and can be done again.

Exit codes: 0 registered · 65 something is missing, cut short or changed`;

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
    .description('registered datasets, their presets, and whether their files are here')
    .action(async () => {
      const datasets = await listDatasets(foldersOf(process.env));
      process.stdout.write(`${datasets.map(describe).join('\n')}\n`);
    });
}

function addCommand(): Command {
  return new Command('add')
    .description('check the files of a dataset and put them where the worker finds them')
    .addArgument(new Argument('<dataset>', 'which').choices(ARCHIVED))
    .argument('<source>', 'its archive as downloaded, or a folder with its unpacked files')
    .addHelpText('after', `${ADD_HELP}\n${EXAMPLES}`)
    .action(async (name: ArchivedDataset, source: string) => {
      const { folder, images } = await addDataset(name, source, foldersOf(process.env));
      process.stdout.write(`${name}: ${images} images in ${folder}\n`);
    });
}

function foldersOf(variables: Readonly<Record<string, string | undefined>>) {
  checkVariables(variables);
  return { root: ROOT, cacheDir: layoutOf(variables).cache };
}

function describe({ name, folder, presets, problem }: ListedDataset): string {
  const title = `${name.padEnd(9)} ${problem === undefined ? 'here' : 'not here'}`;
  const facts = [`presets ${presets.join(', ')}`, folder];
  const archived = ARCHIVED.find((candidate) => candidate === name);
  const remedy =
    problem === undefined || archived === undefined
      ? []
      : [problem, downloadCommand(archived), `kdx dataset add ${name} ${archiveFile(archived)}`];
  return [title, ...[...facts, ...remedy].map((line) => `          ${line}`)].join('\n');
}

function downloadCommand(name: ArchivedDataset): string {
  return `curl -fLO ${ARCHIVES[name].url}`;
}

function archiveFile(name: ArchivedDataset): string {
  return ARCHIVES[name].url.split('/').at(-1) ?? '';
}
