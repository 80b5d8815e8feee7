import type { LegSpec } from '../study/spec.ts';
import type { LegContext, WorkEnd } from './context.ts';
import { computeProductsIn } from './engine/precision.ts';
import { WORK } from './registry.ts';

export { deviceClassOf } from './device.ts';

/** Does the work of a leg; commits nothing but checkpoints. @throws KdxError as its kinds do */
export async function work(spec: LegSpec, context: LegContext): Promise<WorkEnd> {
  computeProductsIn(spec.device.precision === 'bf16' ? 'bfloat16' : 'float32');
  switch (spec.kind) {
    case 'train':
      return WORK.train(spec, context);
    case 'teach':
      return WORK.teach(spec, context);
    case 'evaluate':
      return { outcome: 'done', result: await WORK.evaluate(spec, context) };
    case 'explain':
      return { outcome: 'done', result: await WORK.explain(spec, context) };
  }
}
