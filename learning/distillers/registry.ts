import { KdxError } from '../../leg/errors.ts';
import type { DistillerName } from '../../study/catalog.ts';
import type { DistillerSpec } from '../../study/schema.ts';
import { attentionTransferTerm } from './at.ts';
import { crossEntropyTerm } from './ce.ts';
import type { Distiller } from './distiller.ts';
import { distillationTerm } from './kd.ts';
import { labelSmoothingTerm } from './ls.ts';
import { similarityPreservationTerm } from './sp.ts';

/** Settings of a term that are set; the rest takes the term's own default. */
type Settings = { readonly temperature?: number; readonly smoothing?: number };

const DISTILLERS: Readonly<Record<DistillerName, (settings: Settings) => Distiller>> = {
  ce: crossEntropyTerm,
  ls: labelSmoothingTerm,
  kd: distillationTerm,
  at: attentionTransferTerm,
  sp: similarityPreservationTerm,
};

/** Names that `createDistiller` accepts. */
export const distillerNames: readonly string[] = Object.keys(DISTILLERS);

/** Makes one loss term. @throws KdxError SpecInvalid where the name is unknown */
export function createDistiller(spec: DistillerSpec): Distiller {
  const { name, temperature, smoothing } = spec;
  if (!Object.hasOwn(DISTILLERS, name)) {
    const allowed = distillerNames.join(', ');
    throw new KdxError('SpecInvalid', `distillers: name is ${String(name)}; allowed: ${allowed}.`);
  }
  return DISTILLERS[name]({
    ...(temperature === undefined ? {} : { temperature }),
    ...(smoothing === undefined ? {} : { smoothing }),
  });
}
