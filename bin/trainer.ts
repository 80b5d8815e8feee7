/**
 * The process of one leg: reads it by its digest (`KDX_LEG`) from the object store, does its work and
 * leaves a result there. Exit codes: `leg/outcome.ts`. Logs are JSON lines on stderr, and in the store at
 * the end.
 */
import { watchParent } from './trainer/orphan.ts';
import { listenForStop } from './trainer/stop.ts';

// First of all: a signal must never find the process without its handlers.
const stopRequested = listenForStop(process);
watchParent();
// tfjs uses functions that Node has deprecated; its users cannot mend that.
process.noDeprecation = true;

const { openLegLog } = await import('./trainer/log.ts');
const log = openLegLog(process.env['KDX_PROCESS']);
const { failureOf } = await import('./trainer/failure.ts');

try {
  const { runLeg } = await import('./trainer/run.ts');
  process.exitCode = await runLeg({
    ...{ variables: process.env, stopRequested, log: log.logger, keepLogBy: log.keepBy },
  });
} catch (error) {
  const { code, exitCode, message } = failureOf(error);
  if (code === 'Stopped') log.logger.info({ code }, message);
  else log.logger.error({ code, ...(code === 'CodeBug' ? { err: error } : {}) }, message);
  process.exitCode = exitCode;
}
await log.close();
process.exit();
