/**
 * Trains one subject of the benchmark by one engine, on demand, as `torch/worker.py` does with
 * PyTorch: the first line out says what is trained; a line on stdin asks for so many steps; a line of
 * JSON answers with their times.
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

import { configureProcess } from '../learning/engine/environment.ts';
import type { Engine } from '../learning/engine/trainer.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' },
    width: { type: 'string' },
    teacher: { type: 'string' },
    engine: { type: 'string', default: '' },
    batch: { type: 'string', default: '' },
    threads: { type: 'string', default: '' },
  },
});
configureProcess({ threads: Number(values.threads) });
const { createTraining, createProduct } = await import('./training.ts');

const { model, teacher, width } = values;
const subject = {
  ...{ name: model, model },
  ...(teacher === undefined ? {} : { teacher }),
  ...(width === undefined ? {} : { width: Number(width) }),
};
const { step, ...facts } =
  model === 'sgemm'
    ? createProduct()
    : createTraining(subject, values.engine as Engine, Number(values.batch));

function say(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function timed(): number {
  const start = performance.now();
  step();
  return performance.now() - start;
}

say(facts);
for await (const line of createInterface(process.stdin)) {
  say({ milliseconds: Array.from({ length: Number(line) }, timed) });
}
