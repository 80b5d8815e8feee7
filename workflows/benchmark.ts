import { ApplicationFailure, log, startChild, workflowInfo } from '@temporalio/workflow';
import type { Measured, PlannedBenchmark, Verdict } from '../activities/contract.ts';
import { judgeBenchmark, planBenchmark } from './proxies.ts';
import { handOver } from './record.ts';
import { trial, trialWorkflowId } from './trial.ts';

/** In MLflow, and on the labels of Jobs. */
const STUDY = 'benchmark';

/**
 * Times a short training of each model on each flavour of a device, keeps what it has measured, and fails
 * with `Regression` where the newest runs are slower than those before by more than chance. Flavours are
 * timed side by side, the models of one after the other: they would share its device.
 */
export async function measure(input: unknown): Promise<readonly Verdict[]> {
  const at = workflowInfo().startTime.toISOString();
  const planned = await planBenchmark(input, at);
  const measured = (await Promise.all(planned.map((part) => timeAll(part)))).flat();
  const verdicts = await judgeBenchmark(measured, at);
  const trials = measured.map(({ key, trial: id }) => ({ key, trial: id }));
  await handOver({ study: STUDY, trials, report: false });
  const slower = verdicts.filter(({ verdict }) => verdict === 'slower');
  if (slower.length === 0) return verdicts;
  const list = slower.map(({ series, change = 0, p = 0 }) => {
    return `${series} ${(100 * change).toFixed(1)} % (p ${p.toPrecision(2)})`;
  });
  throw ApplicationFailure.create({
    ...{ type: 'Regression', nonRetryable: true, details: [verdicts] },
    message: `slower than before: ${list.join('; ')}`,
  });
}

/** A training that fails is left out: what it failed of is no matter of speed. */
async function timeAll({ place, trials }: PlannedBenchmark[number]): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  for (const { id, series, key, spec, memoryMiB } of trials) {
    const own = { key, spec, trial: id, study: STUDY, resources: { memoryMiB }, place };
    try {
      const child = await startChild(trial, {
        ...{ workflowId: trialWorkflowId(key), staticSummary: id },
        args: [own],
      });
      await child.result();
      measured.push({ series, key, trial: id });
    } catch (error) {
      log.warn('not measured', { trial: id, error: String(error) });
    }
  }
  return measured;
}
