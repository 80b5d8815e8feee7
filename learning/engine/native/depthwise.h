/**
 * Depthwise convolution, 3 × 3 with a margin of one zero: each channel has a filter of its own
 * (Sifre, 2014; arXiv:1704.04861), and the gradients of it. Float32, NHWC by [3, 3, channels].
 */
#pragma once

#include <cstdint>

namespace kdx {

struct Depthwise {
  int64_t batch, height, width, channels;
  /** Of the filter, from one output to the next. */
  int64_t stride;

  int64_t rowsOut() const { return (height - 1) / stride + 1; }
  int64_t columnsOut() const { return (width - 1) / stride + 1; }
};

/** The functions for one set of instructions. */
struct DepthwiseKernels {
  void (*forward)(const Depthwise&, const float* x, const float* filter, float* y);
  void (*inputGradient)(const Depthwise&, const float* dy, const float* filter, float* dx);
  void (*filterGradient)(const Depthwise&, const float* x, const float* dy, float* dFilter);
};

namespace avx512 {
extern const DepthwiseKernels depthwiseKernels;
}
namespace avx2 {
extern const DepthwiseKernels depthwiseKernels;
}
namespace portable {
extern const DepthwiseKernels depthwiseKernels;
}

}  // namespace kdx
