import { dirname } from 'node:path';
import { Command } from 'commander';
import { KdxError } from '../../leg/errors.ts';
import { checkVariables, writeEnvironment } from '../../environment/environment.ts';
import { loopbackExemptions } from '../../environment/loopback.mjs';
import { layoutOf } from '../../stack/layout.ts';
import { readSettings } from '../../stack/settings.ts';
import { connections } from '../../stack/stack.ts';
import { readToolchain } from '../../stack/toolchain.ts';

/** `kdx env`: what a shell needs so that `temporal …` and S3 and MLflow clients find the stack. */
export function envCommand(): Command {
  return new Command('env')
    .description('print export lines: addresses, credentials, PATH (eval "$(kdx env)")')
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
        AWS_REGION: 'us-east-1',
        ...loopbackExemptions(process.env),
      };
      const lines = Object.entries(variables).map(
        ([name, value]) => `export ${name}=${quote(value)}`,
      );
      lines.unshift(...foreignVariables(variables).map((name) => `unset ${name}`));
      lines.push(`export PATH=${quote(dirname(temporal))}:"$PATH"`);
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}

/**
 * Variables of this shell that would send a client of the stack elsewhere or with other credentials:
 * a profile, a session token, another endpoint.
 */
function foreignVariables(own: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(process.env).filter(
    (name) => /^(AWS|MLFLOW|TEMPORAL)_\w+$/.test(name) && !Object.hasOwn(own, name),
  );
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
