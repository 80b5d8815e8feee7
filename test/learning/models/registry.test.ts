import test from 'ava';

import { KdxError } from '../../../leg/errors.ts';
import type { Initialiser } from '../../../learning/engine/network.ts';
import { buildNetwork, networkCost, parameterCount } from '../../../learning/models/build.ts';
import { MODEL_NAMES } from '../../../study/models/models.ts';

/** Trainable parameters for 10, 100 and 200 classes, and multiply-adds for 100, in millions. */
const COSTS: Readonly<Record<string, readonly [number, number, number, number]>> = {
  resnet8: [78_042, 83_892, 90_392, 12.51],
  resnet14: [175_258, 181_108, 187_608, 26.66],
  resnet20: [272_474, 278_324, 284_824, 40.82],
  resnet32: [466_906, 472_756, 479_256, 69.13],
  resnet44: [661_338, 667_188, 673_688, 97.44],
  resnet56: [855_770, 861_620, 868_120, 125.75],
  resnet110: [1_730_714, 1_736_564, 1_743_064, 253.16],
  resnet8x4: [1_210_410, 1_233_540, 1_259_240, 177.07],
  resnet32x4: [7_410_730, 7_433_860, 7_459_560, 1083.04],
  resnet18: [11_173_962, 11_220_132, 11_271_432, 555.47],
  resnet34: [21_282_122, 21_328_292, 21_379_592, 1159.45],
  resnet50: [23_520_842, 23_705_252, 23_910_152, 1298.01],
  wrn_16_1: [175_066, 180_916, 187_416, 26.66],
  wrn_16_2: [691_674, 703_284, 716_184, 101.12],
  wrn_40_1: [563_930, 569_780, 576_280, 83.29],
  wrn_40_2: [2_243_546, 2_255_156, 2_268_056, 327.61],
  vgg8: [3_918_858, 3_965_028, 4_016_328, 96.19],
  vgg11: [9_231_114, 9_277_284, 9_328_584, 209.44],
  vgg13: [9_416_010, 9_462_180, 9_513_480, 284.94],
  vgg16: [14_728_266, 14_774_436, 14_825_736, 398.18],
  vgg19: [20_040_522, 20_086_692, 20_137_992, 511.43],
  mobilenetv2: [697_546, 812_836, 940_936, 6.52],
  shufflenetv1: [862_768, 949_258, 1_045_358, 38.69],
  shufflenetv2: [1_263_278, 1_355_528, 1_458_028, 44.5],
  shufflenetv2_x1_5: [2_488_298, 2_580_548, 2_683_048, 93.76],
  hme_ltb: [2_993_922, 22_567_212, 44_315_312, 204.6],
  // Ours, and so counted by hand.
  hme_paper: [168_252, 171_672, 175_472, 43.37],
};

test('every model that a study may name is built here, and no other', (t) => {
  t.deepEqual(Object.keys(COSTS).toSorted(), MODEL_NAMES.toSorted());
});

for (const [model, [ten, hundred, twoHundred, megaMultiplyAdds]] of Object.entries(COSTS)) {
  test(`${model} has the published number of parameters and multiply-adds`, (t) => {
    t.is(parameterCount(model, 10), ten);
    t.is(parameterCount(model, 200), twoHundred);
    const cost = networkCost({ model, classes: 100, imageSize: 32 });
    t.is(cost.parameterCount, hundred);
    const digits = model === 'hme_ltb' ? 1 : 2;
    t.is((cost.multiplyAdds / 1e6).toFixed(digits), megaMultiplyAdds.toFixed(digits));
  });
}

const zeros: Initialiser = (_, shape) =>
  new Float32Array(shape.reduce((product, size) => product * size, 1));
const sound = { model: 'resnet8', classes: 10, imageSize: 32 };

const REFUSED = [
  [{ model: 'resnet9' }, /model is resnet9; allowed: resnet8, .*hme_ltb/],
  [{ classes: 0 }, /classes is 0; allowed: a positive integer/],
  [{ imageSize: 30 }, /imageSize is 30; allowed: a positive multiple of 4/],
  [{ vam: { blockSize: 1.5 } }, /vam\.blockSize is 1\.5; allowed: a positive integer/],
  [{ vam: { blockSize: 64 } }, /vam\.blockSize is 64; allowed: less, no convolution of resnet8/],
  [{ model: 'hme_ltb', width: 7 }, /width is 7; allowed: a positive multiple of 2/],
  [{ model: 'hme_ltb', experts: [2, 0] }, /experts\[1\] is 0/],
  [{ model: 'hme_ltb', experts: [] }, /experts is \[\]; allowed/],
  [{ model: 'hme_ltb', imageSize: 28 }, /imageSize is 28; allowed: a positive multiple of 8/],
  [{ model: 'hme_ltb', vam: { blockSize: 8 } }, /vam is set for hme_ltb; allowed: plain networks/],
  [{ model: 'hme_paper', vam: { blockSize: 8 } }, /vam is set for hme_paper; allowed: none/],
  [{ model: 'hme_paper', width: 8 }, /width is set for hme_paper; allowed: none/],
  [{ model: 'hme_paper', experts: [2] }, /experts is set for hme_paper; allowed: none/],
  [{ model: 'hme_paper', imageSize: 30 }, /imageSize is 30; allowed: a positive multiple of 4/],
] as const;

for (const [options, message] of REFUSED) {
  test(`${JSON.stringify(options)} is refused with what is allowed`, (t) => {
    const error = t.throws(() => buildNetwork({ ...sound, ...options }, zeros), {
      instanceOf: KdxError,
      message,
    });
    t.is(error.code, 'SpecInvalid');
  });
}
