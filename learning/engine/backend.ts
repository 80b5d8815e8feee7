/**
 * tfjs as the rest of `learning/` uses it: the library with our kernels and gradients on top. The
 * process has to be configured first (`configureProcess` of `environment.ts`), because TensorFlow
 * reads its threads once, when it is loaded.
 */
import './gradients.ts';
import './kernels.ts';

export { tf } from './library.ts';
