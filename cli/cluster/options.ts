import type { Command } from 'commander';
import { KdxError } from '../../leg/errors.ts';

type Given = {
  readonly namespace?: string;
  readonly context?: string;
  readonly release?: string;
};

/**
 * Lets a command work with a release of the chart: `--namespace` says where, and the variables that name
 * its servers are set for this process before the command runs.
 */
export function onCluster(command: Command): Command {
  return command
    .option('--namespace <name>', "work with the chart's release in this namespace of a cluster")
    .option('--context <name>', 'of the kubeconfig; else its current one')
    .option('--release <name>', 'where the namespace has several')
    .hook('preAction', async () => {
      const { namespace, ...others } = command.opts<Given>();
      if (namespace === undefined) {
        const [lone] = Object.entries(others).filter(
          ([name, value]) => ['context', 'release'].includes(name) && value !== undefined,
        );
        if (lone === undefined) return;
        throw new KdxError('Configuration', `--${lone[0]}: says nothing without --namespace`);
      }
      const { context, release } = others;
      // Only a command that needs it loads Kubernetes' client.
      const { releaseVariables } = await import('./release.ts');
      Object.assign(
        process.env,
        await releaseVariables({
          namespace,
          ...(context === undefined ? {} : { context }),
          ...(release === undefined ? {} : { release }),
        }),
      );
    });
}
