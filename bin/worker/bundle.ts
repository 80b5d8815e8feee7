import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';

const WORKFLOWS = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

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
