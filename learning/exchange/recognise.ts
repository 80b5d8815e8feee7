import { KdxError } from '../../leg/errors.ts';
import { outlineOf, type ModelName } from '../../study/models/models.ts';
import { MODELS } from '../../study/models/registry.ts';
import type { StoredTensor } from '../engine/safetensors.ts';
import { fromPublished, publishedShape } from './layout.ts';
import { publishedNames } from './published-names.ts';
import { IMAGE_SIZE, PUBLISHED_MODELS, tensorShapes } from './tensor-shapes.ts';

/** Tensors by the names of a file. */
export type Tensors = ReadonlyMap<string, StoredTensor>;

/** A network of this project that a file holds. */
export type Recognised = {
  readonly model: ModelName;
  readonly classes: number;
  /** Whose names the tensors had. */
  readonly names: 'PyTorch' | 'kdx';
  /** By our names, as they lie here. */
  readonly tensors: Tensors;
};

/** What differs between a file and a network. */
type Comparison = {
  readonly tensors: Tensors;
  readonly names: Recognised['names'];
  readonly missing: readonly string[];
  readonly surplus: readonly string[];
  readonly misshapen: readonly string[];
};

/** Counters of PyTorch's batch norms, which no result depends on. */
const COUNTER = /(^|\.)num_batches_tracked$/;
/** What PyTorch's wrappers for several devices, and for compiling, put in front of names. */
const WRAPPER = /^(module\.|_orig_mod\.)+/;
const NAMED_AT_MOST = 4;
/** Kernels that a file may lack, or have too many, and still be told what is wrong with it. */
const NEAR = 2;

/**
 * Finds the network that a file holds by the names and shapes of its tensors: all of them, and no
 * others.
 *
 * @param wanted the model that it has to be; any when absent
 * @throws KdxError `DataMismatch` naming the tensors that are missing, surplus or of another shape
 */
export function recogniseNetwork(
  file: Tensors,
  wanted: ModelName | undefined,
  place: string,
): Recognised {
  const given = new Map(
    [...file].flatMap(([name, tensor]) =>
      COUNTER.test(name) ? [] : [[name.replace(WRAPPER, ''), tensor] as const],
    ),
  );
  const candidates = (wanted === undefined ? likely(given) : [wanted]).map((model) => {
    const classes = classesIn(given, model);
    return { model, classes: classes ?? 1, ...compare(given, model, classes) };
  });
  const found = candidates.find((candidate) => differences(candidate) === 0);
  if (found === undefined) throw refusal(candidates, place);
  const { model, classes, names, tensors } = found;
  requireNumbers(tensors, place);
  return { model, classes, names, tensors };
}

/** Models with about as many kernels as the file: networks are large to build. */
function likely(given: Tensors): readonly ModelName[] {
  const kernels = [...given.values()].filter(({ shape }) => shape.length > 1).length;
  const distance = (name: ModelName): number =>
    Math.abs(outlineOf({ name }, { classes: 1, imageSize: IMAGE_SIZE }).layers.length - kernels);
  const least = Math.min(...PUBLISHED_MODELS.map(distance));
  return PUBLISHED_MODELS.filter((name) => distance(name) <= least + NEAR);
}

/** Classes by the bias of the classifier; undefined where the file has none. */
function classesIn(given: Tensors, model: ModelName): number | undefined {
  const names = publishedNames(MODELS[model].family, 'classifier/bias');
  const name = [...names, 'classifier/bias'].find((candidate) => given.has(candidate));
  const shape = name === undefined ? undefined : given.get(name)?.shape;
  return shape?.length === 1 && (shape[0] ?? 0) > 0 ? shape[0] : undefined;
}

function compare(given: Tensors, model: ModelName, classes: number | undefined): Comparison {
  const { family } = MODELS[model];
  const isOwn = given.has('classifier/kernel');
  const tensors = new Map<string, StoredTensor>();
  const [missing, misshapen]: [string[], string[]] = [[], []];
  const used = new Set<string>();
  for (const [own, shape] of tensorShapes(model, classes ?? 1)) {
    const names = isOwn ? [own] : publishedNames(family, own);
    const name = names.find((candidate) => given.has(candidate));
    const tensor = name === undefined ? undefined : given.get(name);
    if (name === undefined || tensor === undefined) {
      missing.push(names[0] ?? own);
      continue;
    }
    used.add(name);
    const there = isOwn ? shape : publishedShape(shape);
    if (tensor.shape.join() === there.join()) {
      tensors.set(own, isOwn ? tensor : fromPublished(tensor));
    } else {
      misshapen.push(`${name} [${tensor.shape.join(', ')}], not [${there.join(', ')}]`);
    }
  }
  const surplus = [...given.keys()].filter((name) => !used.has(name));
  return { tensors, names: isOwn ? 'kdx' : 'PyTorch', missing, surplus, misshapen };
}

function differences({ missing, surplus, misshapen }: Comparison): number {
  return missing.length + surplus.length + misshapen.length;
}

function refusal(
  candidates: readonly (Comparison & { readonly model: ModelName })[],
  place: string,
): KdxError {
  const [closest] = candidates.toSorted((a, b) => differences(a) - differences(b));
  if (closest === undefined) throw new KdxError('CodeBug', 'There is no model to compare with.');
  const { model, missing, surplus, misshapen } = closest;
  const some = (what: string, names: readonly string[]): string[] => {
    if (names.length === 0) return [];
    const more = names.length > NAMED_AT_MOST ? ` and ${names.length - NAMED_AT_MOST} more` : '';
    return [`${what} ${names.slice(0, NAMED_AT_MOST).join(', ')}${more}`];
  };
  const found = [
    ...some('missing', missing),
    ...some('surplus', surplus),
    ...some('of another shape', misshapen),
  ].join('; ');
  const which =
    candidates.length === 1
      ? `it is no ${model}`
      : `it is no model that is known, ${model} the closest`;
  const allowed = 'networks as RepDistiller, mdistiller or torchvision define and name them';
  return new KdxError('DataMismatch', `${place}: ${which}: ${found}; allowed: ${allowed}`);
}

function requireNumbers(tensors: Tensors, place: string): void {
  for (const [name, { values }] of tensors) {
    const bad = values.find((value) => !Number.isFinite(value));
    if (bad === undefined) continue;
    throw new KdxError('DataMismatch', `${place}: ${name} holds ${bad}; allowed: finite numbers`);
  }
}
