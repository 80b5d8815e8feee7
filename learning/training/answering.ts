/** Students that answer through modules of a method, in place of their own classifier. */
import type { Term } from '../../distillers/contract.ts';
import { distillerOf } from '../../distillers/lookup.ts';
import { KdxError } from '../../leg/errors.ts';
import { sizesOf } from '../../study/datasets.ts';
import { featureShapes, type ModelName } from '../../study/models/models.ts';
import type { LegSpec, Answering } from '../../study/spec.ts';
import type { Modules } from '../engine/builder.ts';
import type { Initialiser, Network } from '../engine/network.ts';
import { knowledgeOf } from './knowledge.ts';
import { createSites } from './site.ts';

/** What such a student answers through. */
export type Head = {
  readonly answer: NonNullable<Term['answer']>;
  readonly modules: Modules;
};

/** How the tensors of a network’s own classifier begin. */
export const CLASSIFIER = 'classifier/';

function withoutClassifier<Value>(entries: ReadonlyMap<string, Value>): [string, Value][] {
  return [...entries].filter(([name]) => !name.startsWith(CLASSIFIER));
}

/**
 * A network with a head in place of its classifier. What it trains, stores and costs is its own body and
 * the head, of which the teacher's classifier is stored and counted and never trained. The head is
 * borrowed: it stays when the network goes.
 */
export function answering(body: Network, head: Head): Network {
  const { modules, answer } = head;
  const trainable = withoutClassifier(body.trainable);
  const layerCosts = [...body.layerCosts].filter(([name]) => !CLASSIFIER.startsWith(`${name}/`));
  const costs = new Map([...layerCosts, ...modules.layerCosts]);
  return {
    options: body.options,
    trainable: new Map([...trainable, ...modules.trainable]),
    statistics: new Map([...body.statistics, ...modules.statistics]),
    layerCosts: costs,
    multiplyAdds: [...costs.values()].reduce((sum, count) => sum + count, 0),
    parameterCount: parametersOf(trainable) + modules.parameterCount + frozenOf(modules),
    forward: (images, pass) => {
      const forward = body.forward(images, pass);
      return { ...forward, ...answer(knowledgeOf(forward), pass.mode) };
    },
    dispose: body.dispose,
    answering: { body, onto: (other) => answering(other, head) },
  };
}

function parametersOf(trainable: readonly (readonly [string, { variable: { size: number } }])[]) {
  return trainable.reduce((sum, [, { variable }]) => sum + variable.size, 0);
}

/** Values of the teacher’s classifier in a head: what it holds beside running statistics. */
function frozenOf({ statistics }: Modules): number {
  const frozen = [...statistics].filter(([name]) => name.includes(`/${CLASSIFIER}`));
  return frozen.reduce((sum, [, { size }]) => sum + size, 0);
}

/** A stored network as its method left it. @param stored gives the tensors of the head */
export function withStoredHead(
  body: Network,
  { distiller: { name, weight: _weight, ...options }, teacher }: Answering,
  dataset: Pick<LegSpec['dataset'], 'name' | 'sizes'>,
  stored: Initialiser,
): Network {
  const { classes, imageSize } = sizesOf(dataset);
  const pair = {
    student: featureShapes(body.options.model as ModelName, imageSize),
    teacher: featureShapes(teacher, imageSize),
    ...{ classes, images: 0 },
  };
  const seeds = { init: 0, data: 0 };
  const sites = createSites({ pair, seeds, classOfRow: new Int32Array(), stored });
  const { answer } = distillerOf(name).build(sites.of(name), options);
  if (answer === undefined) throw new KdxError('SpecInvalid', `${name} answers for no student.`);
  const network = answering(body, { answer, modules: sites.head() });
  return {
    ...network,
    dispose: () => {
      network.dispose();
      sites.dispose();
    },
  };
}
