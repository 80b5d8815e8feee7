import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getCallSites } from 'node:util';

import { KdxError } from '../../../leg/errors.ts';
import { tf } from '../backend.ts';

/** tfjs operations that draw their numbers in JavaScript: a graph would repeat them for ever. */
export const HOST_RANDOM: ReadonlySet<string> = new Set([
  'rand',
  'randomGamma',
  'randomNormal',
  'randomStandardNormal',
  'randomUniform',
  'randomUniformInt',
  'truncatedNormal',
]);
/** TensorFlow's operations with a hidden random state. */
export const STATEFUL =
  /^(Random|Multinomial|TruncatedNormal|ParameterizedTruncatedNormal|Stateful)/;
/** Operations whose output's shape depends on values: JavaScript would go on with the first one. */
export const DYNAMIC_SHAPE = /^(Where|Unique|UniqueV2|ListDiff|NonMaxSuppression\w*)$/;
/** Constants of more values are data, and data is fed. (The identity matrix of 256 fits.) */
export const CONSTANT_LIMIT = 65_536;

/** How tfjs marks the scope of one of its operations. */
const OPERATION_SUFFIX = '__op';
/** Frames, enough to leave tfjs' gradient tape. */
const STACK_DEPTH = 100;
const HERE = new URL('.', import.meta.url).href;

/** Names of the tfjs operations that run now, outermost first: `dropout`, `randomUniform`. */
export function runningOperations(): string[] {
  const scopes = tf.engine().state.scopeStack.map(({ name }) => name);
  const plain = scopes.findLastIndex((name) => !name.endsWith(OPERATION_SUFFIX));
  return scopes.slice(plain + 1).map((name) => name.slice(0, -OPERATION_SUFFIX.length));
}

/** The call into tfjs that is under way, and the line of ours that made it. */
function callSite(): string {
  const outside = getCallSites(STACK_DEPTH, { sourceMap: false }).filter(
    ({ scriptName }) => !scriptName.startsWith(HERE),
  );
  const ours = outside.findIndex(({ scriptName }) => scriptName.startsWith('file:'));
  const site = outside[ours];
  if (site === undefined) return 'outside of our code';
  const place = `${relative(process.cwd(), fileURLToPath(site.scriptName))}:${site.lineNumber}`;
  const called = outside[ours - 1]?.functionName.split('.').at(-1);
  return called === undefined ? `at ${place}` : `in ${called.replace(/(_|__op)$/, '')} at ${place}`;
}

/** The error for what a graph cannot hold, with the operation and the line that asked for it. */
export function refusal(step: string, what: string, instead: string): KdxError {
  const operations = runningOperations();
  const trail = operations.length === 0 ? '' : ` (${operations.join(' › ')})`;
  return new KdxError(
    'CodeBug',
    `${step} cannot be recorded: ${what}${trail}, ${callSite()}. ${instead}`,
  );
}
