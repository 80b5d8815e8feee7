import test from 'ava';

import type { Setting } from '../trajectory.ts';
import { constant, followTrajectory, stageOne, stageOneConstant } from '../trajectory.ts';

const matches = test.macro<[string, Setting]>({
  title: (_, name) => `${name} follows the reference step by step`,
  exec: (t, name, setting) => {
    followTrajectory(name, setting, (isWithin, message) => {
      t.true(isWithin, message);
    });
  },
});

for (const model of ['resnet8', 'wrn_16_1'] as const) {
  for (const label of ['ce', 'kd'] as const) {
    const plain = { model, label, optimizer: 'sgd' } as const;
    const name = `${model}_${label}`;
    // resnet8_ce has a file of its own: reference-kernels.test.ts.
    if (name !== 'resnet8_ce') test(matches, name, { ...plain, schedule: constant('lr') });
    test(matches, `${name}_lr_small`, { ...plain, schedule: constant('lr_small') });
  }
}
test(matches, 'resnet8_labelsmooth', {
  model: 'resnet8',
  label: 'ls',
  optimizer: 'sgd',
  schedule: constant('lr_small'),
});

const tree = { model: 'hme_ltb', label: 'ce' } as const;
const gradual = { ...tree, optimizer: 'adam' } as const;
test(matches, 'tree_stage1_constant_ce', { ...gradual, schedule: stageOneConstant });
test(matches, 'tree_stage1_constant_kd', {
  ...gradual,
  label: 'kd',
  schedule: stageOneConstant,
});
test(matches, 'tree_stage1_schedule_ce', { ...gradual, schedule: stageOne('s1_global') });
test(matches, 'tree_stage1_schedule_reference_lr_ce', {
  ...gradual,
  schedule: stageOne('s1_global_reference'),
});
test(matches, 'tree_stage2_hard_ce', {
  ...tree,
  optimizer: 'sgd',
  schedule: constant('lr_tree'),
  hard: true,
});
test(matches, 'tree_soft_sgd_ce', {
  ...tree,
  optimizer: 'sgd',
  schedule: constant('lr_tree'),
});
