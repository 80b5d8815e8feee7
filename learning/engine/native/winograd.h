/**
 * 3 × 3 convolution of stride 1 with SAME padding and its gradients, by Winograd's minimal filtering
 * (Lavin & Gray, CVPR 2016; arXiv:1509.09308): F(2 × 2, 3 × 3) computes a tile of 4 outputs with 16
 * multiplications a channel where the definition takes 36. Float32, NHWC and HWIO.
 */
#pragma once

#include <cstdint>

namespace kdx {

/** [batch, height, width, inputs] to [batch, height, width, outputs]. */
struct Geometry {
  int64_t batch, height, width, inputs, outputs;
};

/** Which channel of the stored filter [3, 3, a, b] the convolution reads from. */
enum class Direction { kForward, kBackward };

/** The functions for one set of instructions. Channels are multiples of 16. */
struct Kernels {
  /**
   * y = x ∗ filter. Backward: the gradient of the input, from x = dy and the filter of the forward
   * pass, [3, 3, outputs, inputs] in terms of this geometry.
   */
  void (*convolve)(const Geometry&, Direction, const float* x, const float* filter, float* y);
  /** dFilter [3, 3, inputs, outputs] from x and dy. */
  void (*filterGradient)(const Geometry&, const float* x, const float* dy, float* dFilter);
};

namespace avx512 {
extern const Kernels kernels;
}
namespace avx2 {
extern const Kernels kernels;
}
namespace portable {
extern const Kernels kernels;
}

}  // namespace kdx
