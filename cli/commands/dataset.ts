import { join, resolve } from 'node:path';
import { Argument, Command } from 'commander';

import { KdxError } from '../../leg/errors.ts';
import { ARCHIVES } from '../../study/dataset-manifest.ts';
import { openS3Store } from '../../stores/s3.ts';
import { layoutOf } from '../../stack/layout.ts';
import { addAny, type AddOptions } from '../dataset/add-any.ts';
import { isUrl } from '../dataset/download.ts';
import { IMAGE_SIZES } from '../dataset/images/convert.ts';
import { datasetLines, listDatasets } from '../dataset/list.ts';
import { exitOnSignals } from '../dataset/temporary.ts';
import { invokedFrom } from '../invoked-from.ts';
import { findServers, NO_SERVERS, requireServers } from '../servers.ts';

const EXAMPLES = `
Examples:
  kdx dataset add cifar100                                  fetched from its publisher
  kdx dataset add cifar10 --from cifar-10-python.tar.gz     what PyTorch has downloaded
  kdx dataset add cifar10 --from data/cifar-10-batches-py   what torchvision leaves behind
  kdx dataset add tiny-imagenet --from tiny-imagenet-200.zip
  kdx dataset add birds --from photos/birds --size 64       images of your own
  kdx dataset add birds --from https://example.org/birds.zip --size 32 --validation 0.1
  kdx list datasets

A study then names it: "dataset": { "name": "birds", "preset": "correct" }

A dataset is kept in the store: that of this checkout's running stack (kdx up --detach), or the one that
KDX_S3_* variables name. From there it reaches every worker and leg, on whatever machine. The digits
come with the repository.

From a checkout: npm run kdx -- dataset …`;

const ADD_HELP = `
CIFAR-10 and CIFAR-100, by the names cifar10 and cifar100:
  the publisher's archives, binary or python (${Object.values(ARCHIVES)
    .map(({ url }) => url)
    .join(', ')} …), whose size and md5 have to be the
  published ones; or a folder with the files of either. A folder may hold other bytes, as after a
  conversion, but the same dataset: names and sizes, no file twice, no holes, as many images of every
  class as published, channels of the published mean and deviation. Pickles are read as data: what
  Python would run is refused.

Tiny-ImageNet, by its own folders (wnids.txt, words.txt, val/val_annotations.txt), whatever the name:
  tiny-imagenet-200.zip or the folder that is in it. Its images of val/ are the test images.

Images of your own, by any other name (a-z, 0-9, ".", "_", "-"):
  a folder, .zip, .tar or .tar.gz as torchvision's ImageFolder reads it: train/<class>/…, and test/<class>/…
  or val/<class>/…, with png, jpg, webp or bmp. Classes are numbered by name, ${'2 to 256'} of them.
  --size makes the shorter side so many pixels and keeps the middle of the longer one. Photographs are
  turned as EXIF says; transparency is put over black; grey, 16 bits, palettes and CMYK become 8-bit
  colours. Presets of a study: correct (mean and deviation of the training images), imagenet.

Without --from, CIFAR (binary) and Tiny-ImageNet are fetched from their publishers. What a broken
connection leaves is kept in downloads/ of KDX_CACHE_DIR (.kdx/cache) and gone on with by the same command;
proxies are those of the environment.

Nothing is stored before all is checked, and the name comes last: an add that is refused or interrupted
changes nothing and can be done again. One of the same name is replaced; studies that have it keep theirs.

Exit codes: 0 stored · 64 wrong options · 65 something is missing, cut short, changed or no image
            69 it could not be fetched · 78 no servers`;

/** `kdx dataset`: which datasets are here, and how the others come here. */
export function datasetCommand(): Command {
  return new Command('dataset')
    .description('put datasets into the store: CIFAR, Tiny-ImageNet, images of your own')
    .addHelpText('after', EXAMPLES)
    .addCommand(listCommand())
    .addCommand(addCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('as kdx list datasets: what a study can name, and what can be added')
    .action(async () => {
      const servers = await findServers(process.env);
      const store = servers === undefined ? undefined : openS3Store(servers.s3());
      const lines = datasetLines(await listDatasets(store));
      const end = store === undefined ? NO_SERVERS : `store: ${store.location}`;
      process.stdout.write(`${[...lines, '', end].join('\n')}\n`);
    });
}

function addCommand(): Command {
  return new Command('add')
    .description('check a dataset and put it into the store, where every worker finds it')
    .addArgument(new Argument('<name>', 'cifar10, cifar100, tiny-imagenet, or a name of your own'))
    .option(
      '--from <source>',
      'its archive or folder, or the address of an archive; without, fetched from its publisher',
    )
    .option(
      '--size <pixels>',
      `resize images of your own: ${IMAGE_SIZES.join(' or ')}`,
      numberIn('--size', IMAGE_SIZES.join(', '), (size) => IMAGE_SIZES.includes(size)),
    )
    .option(
      '--validation <share>',
      'take so much of each class of train/ as test images, where there is no test/ and no val/',
      numberIn('--validation', 'a share between 0 and 1', (share) => share > 0 && share < 1),
    )
    .option('--superclasses <file>', 'groups of classes, as JSON: {"animals": ["cat", "dog"], …}')
    .addHelpText('after', `${ADD_HELP}\n${EXAMPLES}`)
    .action(async (name: string, { from, superclasses, ...options }: AddFlags) => {
      exitOnSignals();
      const store = openS3Store((await requireServers(process.env)).s3());
      const here = (path: string): string => resolve(invokedFrom(), path);
      const source = from === undefined || isUrl(from) ? from : here(from);
      const lines = await addAny(store, name, source, {
        ...options,
        downloads: join(layoutOf(process.env).cache, 'downloads'),
        ...(superclasses === undefined ? {} : { superclasses: here(superclasses) }),
        tell: (line) => process.stderr.write(`${line}\n`),
      });
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}

type AddFlags = Omit<AddOptions, 'tell' | 'downloads'> & { readonly from?: string };

/** Reads the number of an option. @throws KdxError `SpecInvalid` where it does not fit */
function numberIn(
  option: string,
  allowed: string,
  fits: (value: number) => boolean,
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && fits(value)) return value;
    throw new KdxError('SpecInvalid', `${option}: found "${text}"; allowed: ${allowed}`);
  };
}
