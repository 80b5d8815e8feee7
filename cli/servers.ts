import { KdxError } from '../leg/errors.ts';
import { writeEnvironment } from '../environment/environment.ts';
import { readS3Environment, type S3Environment } from '../environment/s3.ts';
import { readTemporalEnvironment, type TemporalEnvironment } from '../environment/temporal.ts';
import { checkVariables, serverVariables, type Variables } from '../environment/variables.ts';
import { layoutOf } from '../stack/layout.ts';
import { readRunning } from '../stack/record.ts';
import { readSettings } from '../stack/settings.ts';
import { connections } from '../stack/stack.ts';

/** The servers that a command works with. Each is read when it is needed: `plan` needs S3 alone. */
export type Servers = {
  /** `variables` of the environment name them; or they are the `stack` of this checkout. */
  readonly origin: 'variables' | 'stack';
  /** Throws KdxError `Configuration` naming the variable that is missing. */
  readonly temporal: () => TemporalEnvironment;
  /** Throws KdxError `Configuration` naming the variable that is missing. */
  readonly s3: () => S3Environment;
};

/** Folders on this machine: where reports are copied to. */
export type Folders = { readonly stateDir: string };

export const NO_SERVERS =
  'no servers: no stack of this checkout runs (start it: kdx up --detach), and no variables name ' +
  'others (KDX_S3_ENDPOINT, KDX_TEMPORAL_ADDRESS, …; see: kdx --help)';

/** `KDX_STATE_DIR`, else the folder of this checkout's stack. */
export function foldersOf(variables: Variables): Folders {
  checkVariables(variables);
  return { stateDir: layoutOf(variables).home };
}

/**
 * Which servers a command works with: those that `KDX_*` variables name (a cluster, a port-forward, a
 * stack of another checkout) where any is set, else the stack of this checkout where it runs.
 * Undefined where there are neither. `TEMPORAL_*` variables alone choose nothing: they may be meant
 * for another project. Variables that name this checkout's stack, as `kdx env` prints them, mean it.
 */
export async function findServers(variables: Variables): Promise<Servers | undefined> {
  checkVariables(variables);
  const layout = layoutOf(variables);
  const settings = await readSettings(layout);
  const own = settings === undefined ? undefined : connections(layout, settings);
  const ownVariables: Variables = own === undefined ? {} : writeEnvironment(own);
  const chosen = serverVariables(variables).find((name) => variables[name] !== ownVariables[name]);
  if (chosen !== undefined) {
    return {
      origin: 'variables',
      temporal: () => readChosen(chosen, () => readTemporalEnvironment(variables)),
      s3: () => readChosen(chosen, () => readS3Environment(variables)),
    };
  }
  if (own === undefined || (await readRunning(layout)) === undefined) return undefined;
  return { origin: 'stack', temporal: () => own.temporal, s3: () => own.s3 };
}

/** As `findServers`. @throws KdxError `Configuration` where there are none, saying what to do */
export async function requireServers(variables: Variables): Promise<Servers> {
  const servers = await findServers(variables);
  if (servers !== undefined) return servers;
  throw new KdxError('Configuration', NO_SERVERS);
}

/** Says why the environment was read at all: one variable may be left over from something else. */
function readChosen<Value>(chosen: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof KdxError)) throw error;
    const why = `${chosen} is set, so variables name the servers`;
    throw new KdxError(error.code, `${error.message} (${why})`);
  }
}
