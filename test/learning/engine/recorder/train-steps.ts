/**
 * Trains some steps in a process of its own and says what came out, for the tests of determinism:
 * `node train-steps.ts <engine> <first step> <last step> [state to start from] [state to write]`.
 */
import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

import { configureProcess } from '../../../../learning/engine/environment.ts';

configureProcess({ threads: 2 });
const { tf } = await import('../../../../learning/engine/backend.ts');
const { decodeTensors, encodeTensors } = await import('../../../../learning/engine/safetensors.ts');
const { readState, trainingState, writeState } =
  await import('../../../../learning/engine/state.ts');
const { createExperiment } = await import('./experiment.ts');

const [engine, first, last, from, to] = process.argv.slice(2);
const experiment = createExperiment({
  model: 'hme_ltb',
  method: 'kd',
  engine: engine === 'recorded' ? 'recorded' : 'eager',
  optimizer: 'adam',
  rate: 1e-3,
});
const state = trainingState([experiment.network], experiment.optimizer);
if (from) writeState(state, decodeTensors(readFileSync(from), from).tensors, from);

const losses: number[] = [];
for (let step = Number(first); step < Number(last); step += 1) {
  const feeds = experiment.feeds(step);
  losses.push(experiment.step(feeds));
  tf.dispose(feeds);
}
const bytes = encodeTensors({ tensors: readState(state), metadata: {} });
if (to) writeFileSync(to, bytes);
console.log(JSON.stringify({ losses, digest: hash('sha256', bytes) }));
