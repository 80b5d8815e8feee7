import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';

import { decodeTensors } from '../../../learning/engine/safetensors.ts';
import { provideTorch } from '../../../scripts/setup/torch.mjs';
import { exportedFolder, SUBJECTS } from './networks.ts';

let python: string;
test.before(async (t) => {
  t.timeout(900_000);
  python = await provideTorch((text) => t.log(text));
});

for (const [name, subject] of Object.entries(SUBJECTS)) {
  test.serial(`PyTorch computes the logits of ${name}`, async (t) => {
    const { folder } = await exportedFolder(t, subject, 'safetensors');
    const { stdout } = await execa(python, [join(folder, 'load.py')]);
    t.regex(stdout, /^largest difference of a logit: \d\.\d\de-\d+ \(allowed: 0\.0001\)$/);
    const { tensors, metadata } = decodeTensors(
      await readFile(join(folder, 'model.safetensors')),
      'file',
    );
    t.is(metadata['format'], 'pt');
    t.deepEqual(JSON.parse(metadata['normalisation'] ?? ''), {
      ...{ preset: 'paper', mean: [0.5, 0.4, 0.3], sd: [0.25, 0.2, 0.2] },
    });
    t.true([...tensors.keys()].every((tensor) => !tensor.includes('/')));
  });
}

test('convolutions have the names and the shapes of RepDistiller', async (t) => {
  const { folder } = await exportedFolder(t, { model: 'resnet8' }, 'safetensors');
  const { tensors } = decodeTensors(await readFile(join(folder, 'model.safetensors')), 'file');
  t.deepEqual(tensors.get('conv1.weight')?.shape, [16, 3, 3, 3]);
  t.deepEqual(tensors.get('conv1.bias')?.shape, [16]);
  t.deepEqual(tensors.get('layer2.0.downsample.0.weight')?.shape, [32, 16, 1, 1]);
  t.deepEqual(tensors.get('fc.weight')?.shape, [10, 64]);
});

test('load.py ends with 1 where the logits are others', async (t) => {
  const { folder } = await exportedFolder(t, { model: 'resnet8' }, 'safetensors');
  const file = join(folder, 'check.json');
  const known = JSON.parse(await readFile(file, 'utf8')) as { logits: number[][] };
  const logits = known.logits.map((row) => row.map((value) => value + 0.01));
  await writeFile(file, JSON.stringify({ ...known, logits }));
  const { exitCode, stdout } = await execa({ reject: false })(python, [join(folder, 'load.py')]);
  t.is(exitCode, 1, stdout);
});
