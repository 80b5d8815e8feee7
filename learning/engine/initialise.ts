import type { Initialiser } from './network.ts';
import type { RandomSource } from './random.ts';

/**
 * Draws every parameter from the stream `init/<parameter>`, so that adding a module, or building in
 * another order, changes the start of no other parameter.
 */
export function seededInitialiser(stream: (name: string) => RandomSource): Initialiser {
  return (name, shape, initial) => {
    const count = shape.reduce((product, size) => product * size, 1);
    switch (initial.kind) {
      case 'constant':
        return new Float32Array(count).fill(initial.value);
      case 'normal':
        return stream(`init/${name}`)
          .normal(count)
          .map((value) => value * initial.standardDeviation);
      case 'uniform':
        return stream(`init/${name}`)
          .uniform(count)
          .map((value) => initial.low + (initial.high - initial.low) * value);
    }
  };
}
