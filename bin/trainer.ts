/**
 * The process of one leg: reads it by its digest (`KDX_LEG`) from the object store, does its work and
 * leaves a result there. Exit codes: `leg/outcome.ts`. Logs are JSON lines on stderr.
 */
import { watchParent } from './trainer/orphan.ts';
import { listenForStop } from './trainer/stop.ts';

// First of all: a signal must never find the process without its handlers.
const stopRequested = listenForStop(process);
watchParent();
// tfjs uses functions that Node has deprecated; its users cannot mend that.
process.noDeprecation = true;

const { destination, pino } = await import('pino');
const log = pino(
  { base: { process: process.env['KDX_PROCESS'] } },
  destination({ fd: 2, sync: true }),
);
const { failureOf } = await import('./trainer/failure.ts');

try {
  const { runLeg } = await import('./trainer/run.ts');
  process.exitCode = await runLeg({ variables: process.env, stopRequested, log });
} catch (error) {
  const { code, exitCode, message } = failureOf(error);
  if (code === 'Stopped') log.info({ code }, message);
  else log.error({ code, ...(code === 'CodeBug' ? { err: error } : {}) }, message);
  process.exitCode = exitCode;
}
process.exit();
