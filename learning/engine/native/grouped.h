/**
 * 1 × 1 convolution in groups of adjacent channels, its gradients, and the shuffle of channels that
 * goes with it (ShuffleNet: Zhang et al., CVPR 2018; arXiv:1707.01083). Float32, maps as rows of
 * channels; filters [inputs of a group, outputs of all groups].
 */
#pragma once

#include <cstdint>

namespace kdx {

struct Grouped {
  int64_t rows, groups;
  /** Channels of one group. */
  int64_t inputs, outputs;
};

/** The functions for one set of instructions. */
struct GroupedKernels {
  void (*forward)(const Grouped&, const float* x, const float* filter, float* y);
  void (*inputGradient)(const Grouped&, const float* dy, const float* filter, float* dx);
  void (*filterGradient)(const Grouped&, const float* x, const float* dy, float* dFilter);
  /** Channel g · channels/groups + j of a row becomes channel j · groups + g. */
  void (*shuffle)(int64_t rows, int64_t channels, int64_t groups, const float* x, float* y);
};

namespace avx512 {
extern const GroupedKernels groupedKernels;
}
namespace avx2 {
extern const GroupedKernels groupedKernels;
}
namespace portable {
extern const GroupedKernels groupedKernels;
}

}  // namespace kdx
