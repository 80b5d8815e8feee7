import type { LegSpec } from '../study/spec.ts';
import type { LegContext, WorkEnd } from './context.ts';
import { computeProductsIn } from './engine/precision.ts';
import { evaluate } from './evaluation/evaluate.ts';
import { explain } from './explanation/explain.ts';
import { teach } from './teaching/teach.ts';
import { train } from './training/train.ts';

export { deviceClassOf } from './device.ts';

/** Does the work of a leg; commits nothing but checkpoints. @throws KdxError as its kinds do */
export async function work(spec: LegSpec, context: LegContext): Promise<WorkEnd> {
  computeProductsIn(spec.device.precision === 'bf16' ? 'bfloat16' : 'float32');
  switch (spec.kind) {
    case 'train':
      return train(spec, context);
    case 'teach':
      return teach(spec, context);
    case 'evaluate':
      return { outcome: 'done', result: await evaluate(spec, context) };
    case 'explain':
      return { outcome: 'done', result: await explain(spec, context) };
  }
}
