import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, type Site, type Tf } from './contract.ts';
import { embeddings, missingEmbedding } from './embeddings.ts';

type Matrix = tensorflow.Tensor2D;
type Scalar = tensorflow.Scalar;

/** mean_{b<B−1} Σ_d δ_b δ_{b+1} with δ = abs(student − teacher), [B, D] each. */
export function correlationCongruence(tf: Tf, student: Matrix, teacher: Matrix): Scalar {
  const [batch, size] = student.shape;
  const apart = tf.abs(tf.sub(student, teacher));
  // One image has no neighbour; all that is trained keeps a gradient, of zero.
  if (batch === 1) return tf.mul(tf.sum<Scalar>(apart), 0);
  const shape: [number, number] = [batch - 1, size];
  const products = tf.mul(tf.slice(apart, [0, 0], shape), tf.slice(apart, [1, 0], shape));
  return tf.div(tf.sum<Scalar>(products), batch - 1);
}

/**
 * Correlation congruence (Peng et al., ICCV 2019) in RepDistiller's form, which is simpler than the
 * paper's kernel: how far two networks are apart on an image, times the same on the next image of the
 * batch, dimension by dimension. Linear maps bring both embeddings to one size; the teacher's is
 * trained too.
 */
export const cc = defineDistiller({
  name: 'cc',
  paper: 'arXiv:1904.01802',
  weight: 0.02,
  options: z.strictObject({
    dimensions: z.int().min(1).default(128).describe('Values of an embedding.'),
  }),
  reads: { teacher: 'features' },
  refuses: missingEmbedding,
  build: (site, { dimensions }) => {
    const embedder = (side: 'student' | 'teacher') => createEmbedder(site, side, dimensions);
    const [ofStudent, ofTeacher] = [embedder('student'), embedder('teacher')];
    return {
      loss: (step) => {
        const [student, teacher] = embeddings(step);
        return correlationCongruence(site.tf, ofStudent(student), ofTeacher(teacher));
      },
    };
  },
});

function createEmbedder(site: Site, side: 'student' | 'teacher', outputs: number) {
  const inputs = site[side].embedding ?? 0;
  return site.layers.linear({ name: `${side}/embedding`, inputs, outputs, bias: 'uniform' });
}
