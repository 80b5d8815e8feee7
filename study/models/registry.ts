import { EXPLAINERS } from './explainer.ts';
import { RESNETS } from './resnet.ts';
import { WIDE_RESNETS } from './wide-resnet.ts';

/** All models that a study may name. A new family is a file beside this one, and a line here. */
export const MODELS = { ...RESNETS, ...WIDE_RESNETS, ...EXPLAINERS };
