import { KdxError } from '../leg/errors.ts';
import type { Variables } from './variables.ts';

/** What MLflow's server asks of its clients. */
export type MlflowCredentials =
  { readonly username: string; readonly password: string } | { readonly token: string };

/**
 * Credentials under the names that MLflow's own clients read; user and password go before a token, as
 * there. Undefined where none are set.
 * @throws KdxError `Configuration` (exit 78) naming the variable
 */
export function readMlflowCredentials(variables: Variables): MlflowCredentials | undefined {
  const username = given(variables, 'MLFLOW_TRACKING_USERNAME');
  const password = given(variables, 'MLFLOW_TRACKING_PASSWORD');
  const token = given(variables, 'MLFLOW_TRACKING_TOKEN');
  if (username !== undefined && password !== undefined) return { username, password };
  if (token !== undefined) return { token };
  if (username === undefined && password === undefined) return undefined;
  const absent = username === undefined ? 'MLFLOW_TRACKING_USERNAME' : 'MLFLOW_TRACKING_PASSWORD';
  const message = `${absent}: not set; user and password are needed together`;
  throw new KdxError('Configuration', message);
}

/** A chart sets what it has no value for to nothing. */
function given(variables: Variables, name: string): string | undefined {
  const value = variables[name];
  if (value === undefined || value === '') return undefined;
  // Header values hold no line ends; the last one of a mounted secret is an editor's.
  const trimmed = value.trimEnd();
  if (/^[^\r\n]+$/.test(trimmed)) return trimmed;
  throw new KdxError('Configuration', `${name}: ${value.length} characters; allowed: one line`);
}
