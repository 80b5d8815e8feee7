/**
 * Batch normalisation over the rows of maps [rows, channels] (Ioffe & Szegedy, ICML 2015;
 * arXiv:1502.03167), with the sum and the ReLU that follow it in residual networks, and the gradient
 * of it all: as few passes over memory as there can be. Float32.
 */
#pragma once

#include <cstdint>

namespace kdx {

/** What is normalised, and how. */
struct Norm {
  int64_t rows, channels;
  /** Statistics of the batch, and running ones that move; otherwise the running ones are used. */
  bool training;
  /** ReLU follows. */
  bool rectified;
  float epsilon, momentum;
};

/** y = (x − centre) · inverse · gamma + beta [+ addend], then ReLU where asked. */
struct NormForward {
  const float *x, *gamma, *beta;
  /** Running statistics, [channels]. */
  const float *mean, *variance;
  /** Null, or as large as x. */
  const float* addend;
  float* y;
  /** Running statistics after this step, [channels]; the variance is Bessel-corrected. */
  float *nextMean, *nextVariance;
  /** What x was normalised with, [channels]: mean and 1/√(variance + epsilon). */
  float *centre, *inverse;
};

struct NormBackward {
  const float *dy, *x, *gamma, *beta, *centre, *inverse;
  /** Where there was an addend, what came out; else null: ReLU's side follows from x. */
  const float* y;
  float *dx, *dGamma, *dBeta;
  /** Gradient of the addend, or null. */
  float* dAddend;
};

/** The functions for one set of instructions. Outputs may stand where inputs as large stand. */
struct NormKernels {
  void (*forward)(const Norm&, const NormForward&);
  void (*backward)(const Norm&, const NormBackward&);
};

namespace avx512 {
extern const NormKernels normKernels;
}
namespace avx2 {
extern const NormKernels normKernels;
}
namespace portable {
extern const NormKernels normKernels;
}

}  // namespace kdx
