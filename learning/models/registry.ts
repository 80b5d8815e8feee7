import { buildHme } from './hme.ts';
import { buildResNet } from './resnet.ts';
import { createVam, foldAttention, measureAttention, VAM_ENTROPY } from './vam.ts';
import { buildWideResNet } from './wide-resnet.ts';

/** What builds the models of each family (`study/models`). Names only: closures of code stop here. */
export const BUILDERS = {
  resnet: buildResNet,
  'wide-resnet': buildWideResNet,
  hme: buildHme,
};

/** What a network may have on top. */
export const ADD_ONS = {
  vam: { create: createVam, fold: foldAttention, measure: measureAttention, entropy: VAM_ENTROPY },
};
