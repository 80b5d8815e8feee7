import { writeFileSync } from 'node:fs';
import { setInterval } from 'node:timers';

/**
 * A leg's process as the executor sees one, without TensorFlow: what it does is named by its argument.
 */
const behaviour = process.argv[2] ?? '';
const progress = (step: number): void => {
  const { KDX_PROCESS: name } = process.env;
  process.send?.({ key: 'k', process: name, trial: 't', epoch: 0, epochs: 1, step, steps: 9 });
};

/** Goes on until it is told to stop, then exits as a leg does after its checkpoint. */
function workUntilStopped(): void {
  const stop = (): void => process.exit(75);
  process.on('SIGTERM', stop);
  process.on('disconnect', stop);
  let step = 0;
  setInterval(() => progress(++step), 20);
}

if (behaviour === 'work') workUntilStopped();
else if (behaviour === 'deaf') {
  process.on('SIGTERM', () => undefined);
  progress(1);
  setInterval(() => undefined, 1000);
} else if (behaviour === 'silent') setInterval(() => undefined, 1000);
else if (behaviour === 'environment') {
  writeFileSync(process.argv[3] ?? '', JSON.stringify(process.env));
} else if (behaviour === 'crash') process.kill(process.pid, 'SIGSEGV');
else {
  console.error('said before the end');
  process.exit(Number(behaviour));
}
