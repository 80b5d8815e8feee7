import { evaluate } from './evaluation/evaluate.ts';
import { explain } from './explanation/explain.ts';
import { teach } from './teaching/teach.ts';
import { train } from './training/train.ts';

/** What does the work of each kind of leg. Names only: closures of code stop here. */
export const WORK = { train, teach, evaluate, explain };
