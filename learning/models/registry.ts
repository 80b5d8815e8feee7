import { buildHme } from './hme.ts';
import { buildPaperExplainer } from './hme-paper.ts';
import { buildImageNetResNet } from './imagenet-resnet.ts';
import { buildMobileNetV2 } from './mobilenet-v2.ts';
import { buildResNet } from './resnet.ts';
import { buildShuffleNetV1 } from './shufflenet-v1.ts';
import { buildShuffleNetV2 } from './shufflenet-v2.ts';
import { createVam, foldAttention, measureAttention, VAM_ENTROPY } from './vam.ts';
import { buildVgg } from './vgg.ts';
import { buildWideResNet } from './wide-resnet.ts';

/** What builds the models of each family (`study/models`). Names only: closures of code stop here. */
export const BUILDERS = {
  resnet: buildResNet,
  'imagenet-resnet': buildImageNetResNet,
  vgg: buildVgg,
  'wide-resnet': buildWideResNet,
  'mobilenet-v2': buildMobileNetV2,
  'shufflenet-v1': buildShuffleNetV1,
  'shufflenet-v2': buildShuffleNetV2,
  hme: buildHme,
  'hme-paper': buildPaperExplainer,
};

/** What a network may have on top. */
export const ADD_ONS = {
  vam: { create: createVam, fold: foldAttention, measure: measureAttention, entropy: VAM_ENTROPY },
};
