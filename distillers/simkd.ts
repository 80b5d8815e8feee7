import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import type { MapShape } from '../study/models/family.ts';
import {
  defineDistiller,
  taught,
  type Answer,
  type Mode,
  type Pair,
  type Site,
} from './contract.ts';
import { missingEmbedding } from './embeddings.ts';
import { lastMapShape, missingMaps } from './maps.ts';
import { averaged, commonSize } from './pairs.ts';

type Map4 = tensorflow.Tensor4D;

/** The last maps of both networks. */
function lastMaps({ student, teacher }: Pick<Pair, 'student' | 'teacher'>): [MapShape, MapShape] {
  return [lastMapShape(student), lastMapShape(teacher)] as [MapShape, MapShape];
}

function refusal(pair: Pair, factor: number): string | undefined {
  const missing = missingMaps(pair) ?? missingEmbedding(pair);
  if (missing !== undefined) return missing;
  const [[own], [wanted, , channels]] = lastMaps(pair);
  const ratio = Math.max(own, wanted) / Math.min(own, wanted);
  if (!Number.isInteger(ratio)) {
    return `it compares maps of ${own} and ${wanted} pixels; allowed: whole ratios`;
  }
  if (channels >= factor) return undefined;
  return `factor is ${factor}, and the teacher’s last map has ${channels} channels; allowed: at most ${channels}`;
}

/**
 * The projector: 1 × 1 to a `factor`-th of the teacher's channels, 3 × 3, 1 × 1 to the teacher's
 * channels, each with batch norm and ReLU and without bias, on maps of `size` pixels.
 */
function createProjector(
  { head: { layers } }: Pick<Site, 'head'>,
  {
    size,
    inputs,
    outputs,
    factor,
  }: Readonly<Record<'size' | 'inputs' | 'outputs' | 'factor', number>>,
): (map: Map4, mode: Mode) => Map4 {
  const narrow = Math.floor(outputs / factor);
  const shared = { size, bias: false };
  const stages = [
    { name: 'projector/narrow', inputs, outputs: narrow, kernelSize: 1 },
    { name: 'projector/middle', inputs: narrow, outputs: narrow, kernelSize: 3 },
    { name: 'projector/widen', inputs: narrow, outputs, kernelSize: 1 },
  ].map((stage) => layers.convolutionNorm({ ...shared, ...stage }).rectified);
  return (map, mode) => stages.reduce((x, stage) => stage(x, mode), map);
}

/**
 * Knowledge distillation with the reused teacher classifier (Chen et al., CVPR 2022): a projector leads
 * the student's last map to the teacher's, mean((P(f_s) − f_t)²) at the smaller size of the two, and the
 * teacher's classifier answers on what it gives, in training and for good: projector and classifier are
 * the student's cost. Published without cross-entropy and KD beside it; a study that adds them has them
 * on that answer, as the reference does.
 */
export const simkd = defineDistiller({
  name: 'simkd',
  paper: 'arXiv:2203.14001',
  weight: 1,
  options: z.strictObject({
    factor: z
      .int()
      .min(1)
      .default(2)
      .describe('The projector is narrower than the teacher’s last map by this factor.'),
  }),
  reads: { teacher: 'features' },
  answers: true,
  refuses: (pair, { factor }) => refusal(pair, factor),
  build: (site, { factor }) => {
    const { tf } = site;
    const [[own, , inputs], [wanted, , outputs]] = lastMaps(site);
    const size = commonSize(own, wanted);
    const project = createProjector(site, { size, inputs, outputs, factor });
    const classify = site.head.classifier();
    return {
      answer: ({ lastMap }, mode): Answer => {
        const moved = project(averaged(tf, lastMap as Map4, size), mode);
        return { moved, logits: classify(tf.mean(moved, [1, 2])) };
      },
      loss: (step) => {
        const aim = averaged(tf, taught(step).lastMap as Map4, size);
        return tf.mean(tf.square(tf.sub(step.student.moved as Map4, aim)));
      },
    };
  },
});
