/**
 * The one place that loads TensorFlow. The order of imports is the order of evaluation: the
 * environment first, then the library, then our kernels and gradients on top of it.
 */
import './environment.ts';
import './kernels.ts';

export * as tf from '@tensorflow/tfjs-node';
