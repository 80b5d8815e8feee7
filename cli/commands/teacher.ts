import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';

import { openS3Store } from '../../stores/s3.ts';
import { findTeacher, listTeachers } from '../../stores/teachers.ts';
import type { ChannelMoments, ImportedTeacher } from '../../study/imported-teacher.ts';
import { EXPLAINER_NAMES, MODEL_NAMES, type ModelName } from '../../study/models/models.ts';
import { inColumns } from '../columns.ts';
import { invokedFrom } from '../invoked-from.ts';
import { requireServers } from '../servers.ts';

const LAYOUTS = ['NCHW', 'NHWC'] as const;
const MODELS = MODEL_NAMES.filter((name) => !EXPLAINER_NAMES.includes(name));

const HELP = `
A teacher that you have trained already, as a file of PyTorch (.pth, .pt: torch.save of a state_dict), of
safetensors, or of ONNX. Of the first two the network is found by the names and shapes of its tensors: those of RepDistiller and
mdistiller, and of torchvision's ResNets with a 3 × 3 stem and no pooling behind it.

  kdx teacher add mine --from resnet56_best.pth
  kdx teacher add mine --from wrn_40_2.safetensors --mean 0.5 0.5 0.5 --sd 0.5 0.5 0.5

Any classifier of images in one file of ONNX teaches by its logits: ONNX Runtime runs it, in teach legs and
evaluations, and methods that read features refuse it.

  kdx teacher add big --from convnext.onnx --mean 0.485 0.456 0.406 --sd 0.229 0.224 0.225

A study then names it, in place of a teacher that it trains:

  "teachers": [{ "id": "mine", "import": "mine" }]

Every method that a teacher of the study could teach with works, those that read features too where it is
no ONNX. Its
evaluation on the test images is the first thing the study does: an accuracy far below the one you know
means another order of classes, or another normalisation (--mean, --sd).`;

const ADD_HELP = `
Nothing of the file is run: a pickle that names anything but tensors and plain data is refused.
A checkpoint may hold more than weights; they are looked for under state_dict, model, net, …, or where
--key says. "module." in front of names, as DataParallel writes it, is let go. Numbers of 16 and 64 bits
become 32-bit ones. Tensors that are missing, surplus or of another shape are named, and nothing is stored.
A file of ONNX is tried on noise: it has to take one batch of square colour images and give a logit for
every image and class; text, probabilities and several outputs are refused by name. Layout and size of
the images are read from it; --layout says the layout where the file leaves it open.

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
  readonly layout?: Lowercase<(typeof LAYOUTS)[number]>;
};

function addCommand(): Command {
  return new Command('add')
    .description('check a file of weights and put it into the store as a teacher')
    .argument('<name>', 'what a study calls it', nameOf)
    .requiredOption('--from <file>', '.pth, .pt, .safetensors or .onnx')
    .addOption(new Option('--model <model>', 'what it has to be').choices(MODELS))
    .option('--key <key>', 'where a checkpoint keeps the weights')
    .option('--mean <r g b...>', 'mean of the pixels that it was trained with', number)
    .option('--sd <r g b...>', 'their standard deviation; both: as the study has them', number)
    .addOption(
      new Option('--layout <layout>', 'of images, where a file of ONNX leaves it open').choices(
        LAYOUTS.map((layout) => layout.toLowerCase()),
      ),
    )
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
          ...layoutOf(flags),
        },
      );
      const text = `${name}: ${model === 'ONNX' ? 'a network of ONNX' : `a ${model}`} of ${classes} classes in ${store.location}, digest ${digest}`;
      process.stdout.write(`${text}\n`);
    });
}

function layoutOf({ layout }: Flags): { readonly layout?: (typeof LAYOUTS)[number] } {
  const found = LAYOUTS.find((known) => known.toLowerCase() === layout);
  return found === undefined ? {} : { layout: found };
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
  const rows = teachers.map(({ name, classes, source, weights, ...known }) => {
    const model = 'onnx' in known ? 'ONNX' : 'model' in known ? known.model?.name : undefined;
    return [name, model ?? '', String(classes ?? ''), source?.format ?? '', weights ?? ''];
  });
  return inColumns([['teacher', 'model', 'classes', 'from', 'weights'], ...rows]).join('\n');
}
