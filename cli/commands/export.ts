import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';

import { openS3Store } from '../../stores/s3.ts';
import { configureProcess } from '../../learning/engine/environment.ts';
import { findTrial, type FoundTrial } from '../export/find.ts';
import { FORMATS, type Format } from '../export/format.ts';
import { keyInStudy } from '../export/planned.ts';
import { subjectOf } from '../export/subject.ts';
import { invokedFrom } from '../invoked-from.ts';
import { requireServers } from '../servers.ts';
import { readStudyFile, studyFilePath } from '../study/file.ts';

const HELP = `
A trial is named as in the report and in kdx verify (sweep/resnet8/KD/s1029), with its study; or by its
key, or the first eight digits or more of it. A training is exported, or what an evaluation
evaluated; of an explainer the hard stage, as the tree that is alive in it.

What is written is the network for inference: VAM in its kernels, batch norms in the convolutions in
front of them. Images go in normalised; mean, sd and the names of the classes are in the files.

  safetensors   PyTorch: model.safetensors, network.json, and load.py, which needs PyTorch alone
  tfjs          a browser or Node: model.json, weights.bin for tf.loadGraphModel
  onnx          ONNX runtimes: model.onnx, operations of version 17; images [batch, 3, size, size]
  savedmodel    TensorFlow: saved_model.pb with the signature serving_default

Beside them: README.md, which says how to use it, and check.json, two images and the logits of the
network as it was trained. Before anything is written TensorFlow runs the exported graph on them, and
logits that differ by more than 1e-4 are refused.

Exit codes: 0 written · 64 no such trial, or nothing to export · 78 no servers

Examples:
  kdx export sweep/resnet8/KD/s1029 --study digits --format tfjs
  kdx export explain/distillation/s1029/hard --study digits --format onnx --out trees/onnx
  kdx export 3f9c2a71 --format safetensors`;

type Store = ReturnType<typeof openS3Store>;

/** Of a study whose file is here, by its plan; else by what processes have recorded. */
async function find(store: Store, trial: string, study: string | undefined): Promise<FoundTrial> {
  const path = study === undefined ? undefined : studyFilePath(study);
  if (path === undefined || !existsSync(path)) return findTrial(store, trial, study);
  const { name, input } = await readStudyFile(path);
  const key = await keyInStudy(store, input, trial);
  return findTrial(store, key ?? trial, name);
}

type Flags = { readonly format: Format; readonly study?: string; readonly out?: string };

/** `kdx export <trial>`: a trained network as a file for another program. */
export function exportCommand(): Command {
  return new Command('export')
    .description('write a trained network for browsers, PyTorch, ONNX or TensorFlow')
    .argument('<trial>', 'its id, or its key or the beginning of it')
    .addOption(new Option('--format <format>').choices(FORMATS).makeOptionMandatory())
    .option('--study <study>', 'a study file, or the name of a study')
    .option('--out <folder>', 'where to; exports/<model>-<format>-<key> when absent')
    .addHelpText('after', HELP)
    .action(async (trial: string, { format, study, out }: Flags) => {
      const store = openS3Store((await requireServers(process.env)).s3());
      const found = await find(store, trial, study);
      const subject = await subjectOf(store, found);
      const { device } = found.result.spec;
      configureProcess({ threads: device.kind === 'cpu' ? device.threads : 1 });
      const { exportTrial } = await import('../export/export.ts');
      const { files, difference } = await exportTrial(store, subject, format);
      const name = `${subject.about.model}-${format}-${found.key.slice(0, 8)}`;
      const folder = resolve(invokedFrom(), out ?? join('exports', name));
      await mkdir(folder, { recursive: true });
      for (const [file, bytes] of files) await writeFile(join(folder, file), bytes);
      const text = `${subject.about.model} in ${folder}: ${[...files.keys()].join(', ')}`;
      const checked = `logits of TensorFlow differ by ${difference.toExponential(1)} at most`;
      process.stdout.write(`${text}\n${checked}\n`);
    });
}
