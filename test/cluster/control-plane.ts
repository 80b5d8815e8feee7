import { join } from 'node:path';
import { execa } from 'execa';
import { ROOT } from '../../environment/root.ts';

const SCRIPTS = join(ROOT, 'scripts/cluster');

/** Parts of the cluster of `scripts/cluster`, by name. */
export const controlPlane = {
  /** Starts whatever does not run. */
  start: async (): Promise<void> => {
    await execa(join(SCRIPTS, 'up.sh'), ['kube-router', 'kueue']);
  },
  /** As if its manager had crashed. */
  killKueue: async (): Promise<void> => {
    await execa(join(SCRIPTS, 'kueue.sh'), ['kill']);
  },
  stopApiServer: () => stop('apiserver'),
  /** Its containers run on. */
  stopKubelet: () => stop('kubelet'),
};

async function stop(name: string): Promise<void> {
  const program = '. "$0/env.sh"; . "$0/processes.sh"; stop "$1"';
  await execa('bash', ['-c', program, SCRIPTS, name]);
}
