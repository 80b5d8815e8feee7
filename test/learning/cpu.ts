import { readFileSync } from 'node:fs';

/**
 * Whether this processor has AVX-512. Without it oneDNN leaves bfloat16 to Eigen, whose products
 * accumulate in it, and its gradient of batch norm in evaluation is wrong (off by hundreds, TensorFlow
 * 2.21). The product uses neither on such a processor: batch norm is ours there, bfloat16 is asked for.
 */
export const HAS_AVX512 = /\bavx512f\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
