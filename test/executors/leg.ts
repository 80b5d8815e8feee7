import { DEFAULT_RESOURCES, type Leg } from '../../leg/spec.ts';
import { digestJson } from '../../study/canonical.ts';
import { expandStudy } from '../../study/plan/plan.ts';
import { resolved, smallStudy } from '../workflows/world.ts';

/** A leg of its own key by its name. */
export function leg(name: string): Leg {
  const context = resolved(smallStudy());
  const [node] = expandStudy(context.study, context);
  if (node === undefined) throw new Error('the small study has no trial');
  const spec = node.bind(() => 'weights');
  const key = digestJson(name);
  return {
    key,
    spec,
    trial: name,
    study: 'test',
    run: '0'.repeat(8),
    launch: 0,
    resources: DEFAULT_RESOURCES,
  };
}
