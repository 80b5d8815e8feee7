/** The workflow types: every function exported here is one, under its own name. */
export { evaluate } from './evaluate.ts';
export { explain } from './explain.ts';
export { record } from './record.ts';
export { report } from './report.ts';
export { reproduce } from './reproduce.ts';
export { sweep } from './sweep.ts';
export { teacher } from './teacher.ts';
export { trial } from './trial.ts';
