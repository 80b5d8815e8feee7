import { EXPLAINERS } from './explainer.ts';
import { IMAGENET_RESNETS } from './imagenet-resnet.ts';
import { MOBILENETS_V2 } from './mobilenet-v2.ts';
import { PAPER_EXPLAINERS } from './paper-explainer.ts';
import { RESNETS } from './resnet.ts';
import { SHUFFLENETS_V1 } from './shufflenet-v1.ts';
import { SHUFFLENETS_V2 } from './shufflenet-v2.ts';
import { VGGS } from './vgg.ts';
import { WIDE_RESNETS } from './wide-resnet.ts';

/** All models that a study may name. A new family is a file beside this one, and a line here. */
export const MODELS = {
  ...RESNETS,
  ...IMAGENET_RESNETS,
  ...WIDE_RESNETS,
  ...VGGS,
  ...MOBILENETS_V2,
  ...SHUFFLENETS_V1,
  ...SHUFFLENETS_V2,
  ...EXPLAINERS,
  ...PAPER_EXPLAINERS,
};
