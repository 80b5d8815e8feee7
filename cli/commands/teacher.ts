import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';

import { openS3Store } from '../../stores/s3.ts';
import { findTeacher, listTeachers } from '../../stores/teachers.ts';
import type { ChannelMoments, ImportedTeacher } from '../../study/imported-teacher.ts';
import { EXPLAINER_NAMES, MODEL_NAMES, type ModelName } from '../../study/models/models.ts';
import { inColumns } from '../columns.ts';
import { invokedFrom } from '../invoked-from.ts';
import { requireServers } from '../servers.ts';

const MODELS = MODEL_NAMES.filter((name) => !EXPLAINER_NAMES.includes(name));

const HELP = `
A teacher that you have trained already, as a file of PyTorch (.pth, .pt: torch.save of a state_dict) or
of safetensors. The network is found by the names and shapes of its tensors: those of RepDistiller and
mdistiller, and of torchvision's ResNets with a 3 × 3 stem and no pooling behind it.

  kdx teacher add mine --from resnet56_best.pth
  kdx teacher add mine --from wrn_40_2.safetensors --mean 0.5 0.5 0.5 --sd 0.5 0.5 0.5

A study then names it, in place of a teacher that it trains:

  "teachers": [{ "id": "mine", "import": "mine" }]

Every method that a teacher of the study could teach with works, those that read features too. Its
evaluation on the test images is the first thing the study does: an accuracy far below the one you know
means another order of classes, or another normalisation (--mean, --sd).`;

const ADD_HELP = `
Nothing of the file is run: a pickle that names anything but tensors and plain data is refused.
A checkpoint may hold more than weights; they are looked for under state_dict, model, net, …, or where
--key says. "module." in front of names, as DataParallel writes it, is let go. Numbers of 16 and 64 bits
become 32-bit ones. Tensors that are missing, surplus or of another shape are named, and nothing is stored.

Exit codes: 0 stored · 64 a wrong option · 65 the file is not what it has to be · 78 no servers`;

/** `kdx teacher`: teachers that were trained elsewhere. */
export function teacherCommand(): Command {
  return new Command('teacher')
    .description('bring a teacher that you have trained elsewhere; list those that are here')
    .addHelpText('after', HELP)
    .addCommand(listCommand())
    .addCommand(addCommand());
}

function nameOf(text: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,62}$/i.test(text)) return text;
  throw new InvalidArgumentError('allowed: letters, digits, ".", "_" and "-", at most 63.');
}

function number(text: string, previous: readonly number[] = []): readonly number[] {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return [...previous, value];
  throw new InvalidArgumentError('allowed: three numbers, of pixels in [0, 1].');
}

type Flags = {
  readonly from: string;
  readonly model?: ModelName;
  readonly key?: string;
  readonly mean?: readonly number[];
  readonly sd?: readonly number[];
};

function addCommand(): Command {
  return new Command('add')
    .description('check a file of weights and put it into the store as a teacher')
    .argument('<name>', 'what a study calls it', nameOf)
    .requiredOption('--from <file>', '.pth, .pt or .safetensors')
    .addOption(new Option('--model <model>', 'what it has to be').choices(MODELS))
    .option('--key <key>', 'where a checkpoint keeps the weights')
    .option('--mean <r g b...>', 'mean of the pixels that it was trained with', number)
    .option('--sd <r g b...>', 'their standard deviation; both: as the study has them', number)
    .addHelpText('after', `${ADD_HELP}\n${HELP}`)
    .action(async (name: string, flags: Flags, command: Command) => {
      const normalisation = momentsOf(flags, command);
      const store = openS3Store((await requireServers(process.env)).s3());
      // Loads TensorFlow, whose networks say which tensors there have to be.
      const { addTeacher } = await import('../teacher/add.ts');
      const { digest, model, classes } = await addTeacher(
        store,
        name,
        resolve(invokedFrom(), flags.from),
        {
          ...(flags.model === undefined ? {} : { model: flags.model }),
          ...(flags.key === undefined ? {} : { key: flags.key }),
          ...(normalisation === undefined ? {} : { normalisation }),
        },
      );
      const text = `${name}: a ${model} of ${classes} classes in ${store.location}, digest ${digest}`;
      process.stdout.write(`${text}\n`);
    });
}

function momentsOf({ mean, sd }: Flags, command: Command): ChannelMoments | undefined {
  if (mean === undefined && sd === undefined) return undefined;
  const isWhole = mean?.length === 3 && sd?.length === 3 && sd.every((value) => value > 0);
  if (!isWhole) command.error('error: --mean and --sd: allowed: three numbers each, --sd above 0');
  return { mean: mean ?? [], std: sd ?? [] };
}

function listCommand(): Command {
  return new Command('list')
    .description('teachers in the store that were trained elsewhere')
    .option('--json', 'for programs')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const store = openS3Store((await requireServers(process.env)).s3());
      const names = await listTeachers(store);
      const teachers = await Promise.all(
        names.map(async (name) => ({ name, ...(await findTeacher(store, name)) })),
      );
      const text = json === true ? JSON.stringify(teachers, undefined, 2) : listing(teachers);
      process.stdout.write(`${text}\n`);
    });
}

function listing(teachers: readonly ({ name: string } & Partial<ImportedTeacher>)[]): string {
  if (teachers.length === 0) return 'no teachers; kdx teacher add <name> --from <file> brings one';
  const rows = teachers.map(({ name, model, classes, source, weights }) => [
    ...[name, model?.name ?? '', String(classes ?? ''), source?.format ?? '', weights ?? ''],
  ]);
  return inColumns([['teacher', 'model', 'classes', 'from', 'weights'], ...rows]).join('\n');
}
