import { Command } from 'commander';
import { onCluster } from './cluster/options.ts';
import { datasetCommand } from './commands/dataset.ts';
import { downCommand } from './commands/down.ts';
import { envCommand } from './commands/env.ts';
import { exportCommand } from './commands/export.ts';
import { gcCommand } from './commands/gc.ts';
import { listCommand } from './commands/list.ts';
import { planCommand } from './commands/plan.ts';
import { startCommand } from './commands/start.ts';
import { statusCommand } from './commands/status.ts';
import { studyCommand } from './commands/study.ts';
import { teacherCommand } from './commands/teacher.ts';
import { upCommand } from './commands/up.ts';
import { verifyCommand } from './commands/verify.ts';

const EXAMPLES = `
Examples:
  kdx start                            everything up, run studies/digits.json, show the report
  kdx up --detach                      only the servers, in the background
  kdx status                           where they are and how they are
  kdx plan studies/mine.json           what it would run, and how long that takes
  kdx list                             studies in the store, their results and reports
  kdx list distillers                  methods that a study may name, with their defaults
  kdx list models                      networks that a study may name, with their sizes
  kdx study studies/mine.json          run a study, watch it, print where its report is
  eval "$(kdx env)"                    then the plain Temporal CLI works:
    temporal workflow start --task-queue kdx --type reproduce --workflow-id reproduce/digits \\
      --input-file studies/digits.json
    temporal workflow query --workflow-id reproduce/digits --type status
  kdx verify digits                    recompute its numbers from stored weights
  kdx export sweep/resnet8/KD/s1029 --study digits --format tfjs
                                       take a network away: tfjs, PyTorch, ONNX, TensorFlow
  kdx list datasets                    which datasets are here, and how the others come here
  kdx dataset add birds --from photos/birds --size 64
                                       images of your own; or: kdx dataset add cifar100
  kdx teacher add mine --from my.pth   bring a teacher that you have trained elsewhere
  kdx study digits --namespace kdx     the same on a cluster, with the chart's release there
  kdx gc --dry-run                     what nothing in the store names any more
  kdx down                             stop the servers; their state stays

From a checkout: npm run kdx -- <command>`;

/**
 * The command line of kdx; each command is a file of `commands/`. A wrong argument is said and thrown, as
 * `CommanderError`.
 */
export function createProgram(): Command {
  const program = new Command('kdx')
    .description('Reproduces knowledge-distillation studies on a stack of real servers.')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(kdx --help shows examples)')
    .addCommand(startCommand())
    .addCommand(upCommand())
    .addCommand(downCommand())
    .addCommand(onCluster(statusCommand()))
    .addCommand(envCommand())
    .addCommand(onCluster(planCommand()))
    .addCommand(onCluster(listCommand()))
    .addCommand(onCluster(studyCommand()))
    .addCommand(onCluster(verifyCommand()))
    .addCommand(onCluster(exportCommand()))
    .addCommand(onCluster(gcCommand()))
    .addCommand(datasetCommand())
    .addCommand(teacherCommand());
  throwing(program);
  return program;
}

/** Commands that are added keep their own way out: each has to be told. */
function throwing(command: Command): void {
  command.exitOverride();
  for (const own of command.commands) throwing(own);
}
