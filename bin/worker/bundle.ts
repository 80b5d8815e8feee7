import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../environment/root.ts';

const WORKFLOWS = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

/** What a worker's sandbox runs. */
export type WorkflowBundle = Pick<WorkflowBundleWithSourceMap, 'code'>;

/** Where the build of an image leaves the bundle. */
export const BUNDLE_FILE = 'workflows/bundle.js';

/**
 * The bundle that an image's build has made; in a checkout, which has none, one of the sources as they
 * are. A pod cannot make it: the bundler's compiler unpacks itself into a folder that nobody else may
 * write, and refuses an `emptyDir`.
 */
export async function workflowBundle(root = ROOT): Promise<WorkflowBundle> {
  try {
    return { code: await readFile(join(root, BUNDLE_FILE), 'utf8') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return await bundleWorkflows();
  }
}

/**
 * Builds the code that runs inside Temporal's sandbox. Left readable, so that the lines of a stack
 * trace can be found; its source map holds positions only, not the sources once more.
 * @throws Error whose message ends with what the bundler logged as an error
 */
export async function bundleWorkflows(
  workflowsPath = WORKFLOWS,
): Promise<WorkflowBundleWithSourceMap> {
  const errors: string[] = [];
  const error = (message: string): void => void errors.push(message);
  const logger = { trace: skip, debug: skip, info: skip, warn: skip, error, log: skip };
  try {
    return await bundleWorkflowCode({
      workflowsPath,
      logger,
      webpackConfigHook: (config) => ({
        ...config,
        mode: 'production',
        devtool: 'inline-nosources-cheap-source-map',
        performance: false,
        optimization: { minimize: false },
      }),
    });
  } catch (cause) {
    // The bundler throws that it failed, and logs why.
    const message = [cause instanceof Error ? cause.message : String(cause), ...errors].join('\n');
    throw new Error(message, { cause });
  }
}

/** The bundler's list of modules helps nobody. */
function skip(): void {
  return;
}
