/**
 * The thread that assembles batches ahead of the training (`input.ts` starts it). It loads nothing of
 * TensorFlow, of which a process may have one isolate only, and ends by itself after the last batch.
 */
import { workerData } from 'node:worker_threads';

import { batchesPerEpoch, createAssembler, type BatchPlan } from './plan.ts';
import { claimNext, publish, slotOf, type Ring } from './ring.ts';

/** What the thread is given. */
export type AssemblerData = { readonly plan: BatchPlan; readonly ring: Ring };

const { plan, ring } = workerData as AssemblerData;
const assemble = createAssembler(plan);
const end = plan.epochs * batchesPerEpoch(plan);
for (let number = claimNext(ring, end); number !== undefined; number = claimNext(ring, end)) {
  assemble(number, slotOf(ring, number));
  publish(ring, number);
}
