import { tf } from './backend.ts';
import type { FlatGroup, Gradients, Optimizer } from './optimizer.ts';
import { createSlot, decayedGradients, flatGroups } from './optimizer.ts';
import type { SgdOptions } from './sgd.ts';

export type DotOptions = Omit<SgdOptions, 'nesterov'> & {
  /** Δ: what the momentum of the task lacks, and that of the teacher has on top. */
  readonly difference: number;
};

/**
 * Distillation-oriented trainer (Zhao et al., ICCV 2023) as mdistiller does it: SGD with a velocity for
 * the gradient of the task, of momentum μ − Δ and decayed, and one for what the teacher says, of
 * momentum μ + Δ and not decayed; w ← w − η(v_task + v_teacher). A parameter that one of them alone
 * reaches is trained as by `sgd`.
 */
export function dot({ parameters, momentum, difference, weightDecay }: DotOptions): Optimizer {
  const states = flatGroups(parameters, weightDecay).map((flat) => ({
    flat,
    velocity: createSlot(flat),
    ofTeacher: createSlot(flat),
  }));
  const slots = states.flatMap(({ flat: { group }, velocity, ofTeacher }) => [
    [`velocity/${group}`, velocity] as const,
    [`velocity-of-teacher/${group}`, ofTeacher] as const,
  ]);
  return {
    parameters,
    splits: true,
    slots: new Map(slots),
    apply: (gradients, rates, taught = new Map()) => {
      for (const { flat, velocity, ofTeacher } of states) {
        const shared = flat.members.map(({ name }) => gradients.has(name) && taught.has(name));
        const weights = flat.weights();
        const task = decayedGradients(flat, weights, new Map([...taught, ...gradients]));
        const own = momenta(flat, shared, [momentum - difference, momentum]);
        velocity.assign(tf.add(tf.mul(velocity, own), task));
        if (shared.includes(true)) {
          const theirs = flat.gradients(sharedOnly(flat, shared, taught));
          ofTeacher.assign(tf.add(tf.mul(ofTeacher, momentum + difference), theirs));
        }
        const step = tf.add(velocity, ofTeacher);
        flat.assign(tf.sub(weights, tf.mul(step, rates[flat.group])));
      }
    },
    dispose: () => {
      for (const [, slot] of slots) slot.dispose();
    },
  };
}

/** A momentum for every value of a group; one number where all members have the same. */
function momenta(
  { members }: FlatGroup,
  shared: readonly boolean[],
  [ofShared, ofOthers]: readonly [ofShared: number, ofOthers: number],
): tf.Tensor1D | number {
  const [first] = shared;
  if (shared.every((is) => is === first)) return first === true ? ofShared : ofOthers;
  const parts = members.map(({ variable }, index) =>
    tf.fill([variable.size], shared[index] === true ? ofShared : ofOthers),
  );
  return tf.concat(parts as tf.Tensor1D[]);
}

/** The teacher's gradients of what it shares with the task, and zeros. */
function sharedOnly(
  { members }: FlatGroup,
  shared: readonly boolean[],
  taught: Gradients,
): Gradients {
  return new Map(
    members.map(({ name, variable }, index) => {
      const gradient = shared[index] === true ? taught.get(name) : undefined;
      return [name, gradient ?? tf.zerosLike<tf.Tensor>(variable)] as const;
    }),
  );
}
