import { existsSync } from 'node:fs';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { KdxError } from '../leg/errors.ts';
import { checkVariables, type Variables } from './variables.ts';

type ConnectionOptions = ClientConnectConfig['connectionOptions'];

/** How to reach Temporal. All but the namespace are options of a connection. */
export type TemporalEnvironment = Readonly<
  Pick<ConnectionOptions, 'tls' | 'apiKey' | 'metadata'>
> & {
  /** `host:port` */
  readonly address: string;
  readonly namespace: string;
};

const DEFAULT_NAMESPACE = 'default';
const PAIRS = ['TEMPORAL_TLS_CLIENT_CERT', 'TEMPORAL_TLS_CLIENT_KEY'] as const;

/**
 * Address, namespace, TLS and API key, as Temporal's own tools read them: `TEMPORAL_*` variables over
 * a profile of its configuration file. `KDX_TEMPORAL_ADDRESS` and `KDX_TEMPORAL_NAMESPACE` go before
 * both; with an address given so, the file is read only where `TEMPORAL_PROFILE` or
 * `TEMPORAL_CONFIG_FILE` names it: credentials for another server must not be sent to this one.
 * @throws KdxError `Configuration` (exit 78) naming the variable; no secret is repeated
 */
export function readTemporalEnvironment(variables: Variables): TemporalEnvironment {
  checkVariables(variables);
  checkTemporalVariables(variables);
  const { KDX_TEMPORAL_ADDRESS, KDX_TEMPORAL_NAMESPACE } = variables;
  const { TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE } = variables;
  const isFileNamed = TEMPORAL_PROFILE !== undefined || TEMPORAL_CONFIG_FILE !== undefined;
  const config = load(variables, KDX_TEMPORAL_ADDRESS !== undefined && !isFileNamed);
  const { tls, apiKey, metadata, ...loaded } = config.connectionOptions;
  const address = KDX_TEMPORAL_ADDRESS ?? loaded.address;
  if (address === undefined) {
    const allowed = 'KDX_TEMPORAL_ADDRESS (or TEMPORAL_ADDRESS, or a profile): not set';
    throw new KdxError('Configuration', `${allowed}; it must be host:port`);
  }
  return {
    address,
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
    namespace: KDX_TEMPORAL_NAMESPACE ?? config.namespace ?? DEFAULT_NAMESPACE,
  };
}

function load(variables: Variables, disableFile: boolean): ClientConnectConfig {
  const overrideEnvVars = Object.fromEntries(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  try {
    return loadClientConnectConfig({ overrideEnvVars, disableFile });
  } catch (error) {
    // The parser's message quotes the line, which may hold an API key: the cause is left out.
    throw new KdxError('Configuration', `Temporal's settings: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'line' in error) {
    return `the configuration file is not TOML at line ${String(error.line)}`;
  }
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}

/** Refuses what the library would pass over in silence. */
function checkTemporalVariables(variables: Variables): void {
  const { TEMPORAL_TLS: tls, TEMPORAL_CONFIG_FILE: file } = variables;
  if (tls !== undefined && !['0', '1', 'false', 'true'].includes(tls)) {
    // Anything but "1" and "true" would turn TLS off.
    const message = `TEMPORAL_TLS: ${JSON.stringify(tls)} is not 1, true, 0 or false`;
    throw new KdxError('Configuration', message);
  }
  if (file !== undefined && !existsSync(file)) {
    throw new KdxError('Configuration', `TEMPORAL_CONFIG_FILE: there is no file ${file}`);
  }
  const [certificate, key] = PAIRS.map((name) =>
    [`${name}_PATH`, `${name}_DATA`].some((variable) => variables[variable] !== undefined),
  );
  if (certificate !== key && file === undefined && variables['TEMPORAL_PROFILE'] === undefined) {
    const absent = certificate === true ? PAIRS[1] : PAIRS[0];
    const message = `${absent}_PATH or ${absent}_DATA: not set; certificate and key go together`;
    throw new KdxError('Configuration', message);
  }
}
