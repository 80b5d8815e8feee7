import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';

const WORKFLOWS = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

/**
 * Builds the code that runs inside Temporal's sandbox. Left readable, so that the lines of a stack
 * trace can be found; its source map holds positions only, not the sources once more.
 */
export async function bundleWorkflows(): Promise<WorkflowBundleWithSourceMap> {
  const silent = { trace, debug: trace, info: trace, warn: trace, error: trace, log: trace };
  return await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    logger: silent,
    webpackConfigHook: (config) => ({
      ...config,
      mode: 'production',
      devtool: 'inline-nosources-cheap-source-map',
      performance: false,
      optimization: { minimize: false },
    }),
  });
}

/** The bundler throws what is wrong; its log of modules helps nobody. */
function trace(): void {
  return;
}
