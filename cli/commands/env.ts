import { dirname } from 'node:path';
import { Command } from 'commander';
import { KdxError } from '../../leg/errors.ts';
import { checkVariables, writeEnvironment } from '../../environment/environment.ts';
import { layoutOf } from '../../stack/layout.ts';
import { readSettings } from '../../stack/settings.ts';
import { connections } from '../../stack/stack.ts';
import { readToolchain } from '../../stack/toolchain.ts';

/** `kdx env`: what a shell needs so that `temporal …` and S3 and MLflow clients find the stack. */
export function envCommand(): Command {
  return new Command('env')
    .description('print export lines: PATH, addresses, credentials (eval "$(kdx env)")')
    .action(async () => {
      checkVariables(process.env);
      const layout = layoutOf(process.env);
      const settings = await readSettings(layout);
      if (settings === undefined) {
        throw new KdxError('Configuration', `${layout.home}: no stack yet; run: kdx up --detach`);
      }
      const { temporal } = await readToolchain();
      const environment = connections(layout, settings);
      const variables = {
        ...writeEnvironment(environment),
        TEMPORAL_ADDRESS: environment.temporal.address,
        TEMPORAL_NAMESPACE: environment.temporal.namespace,
        MLFLOW_TRACKING_URI: environment.mlflowUrl,
        AWS_ENDPOINT_URL_S3: environment.s3.endpoint,
        AWS_ACCESS_KEY_ID: environment.s3.accessKey,
        AWS_SECRET_ACCESS_KEY: environment.s3.secretKey,
        AWS_DEFAULT_REGION: 'us-east-1',
      };
      const lines = Object.entries(variables).map(
        ([name, value]) => `export ${name}=${quote(value)}`,
      );
      lines.push(`export PATH=${quote(dirname(temporal))}:"$PATH"`);
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
