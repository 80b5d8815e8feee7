#!/usr/bin/env node
// What the Dockerfile's build needs of set-up: packages, and for the trainer the native parts. No servers.
//   node images/prepare.mjs worker | trainer cpu|gpu
import { provideKernels } from '../scripts/setup/kernels.mjs';
import { providePackages } from '../scripts/setup/packages.mjs';
import { voice } from '../scripts/setup/progress.mjs';
import {
  checkTensorflow,
  provideBinding,
  provideLibtensorflow,
} from '../scripts/setup/tensorflow.mjs';
import { ROOT } from '../scripts/setup.mjs';

const [image, flavour] = process.argv.slice(2);
const isWorker = image === 'worker' && flavour === undefined;
if (!isWorker && !(image === 'trainer' && (flavour === 'cpu' || flavour === 'gpu'))) {
  process.stderr.write('usage: node images/prepare.mjs worker | trainer cpu|gpu\n');
  process.exit(64);
}

await providePackages(ROOT, voice('packages'));
if (flavour === 'cpu' || flavour === 'gpu') {
  const say = voice('tensorflow');
  const library = await provideLibtensorflow(flavour, say);
  await provideBinding(ROOT, flavour, library, say);
  await provideKernels(ROOT, library, say);
  say(await checkTensorflow(ROOT, process.execPath));
}
