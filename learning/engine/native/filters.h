/** Filters, transformed for the products. */
#pragma once

#include "products.h"
#include "transforms.h"
#include "winograd.h"

namespace kdx::KDX_ISA {

/** Filters as 16 matrices [inputs, outputs], each in panels of columns that a block reads in order. */
class Filters {
 public:
  Filters(const Geometry& g, Direction direction, const float* stored, float* out)
      : g_(g), direction_(direction), stored_(stored), out_(out) {}

  static int64_t size(const Geometry& g) { return kProducts * g.inputs * g.outputs; }
  const float* at(int product, int64_t column) const {
    return out_ + (product * g_.outputs + column) * g_.inputs;
  }

  /** Transforms the filters of one input channel. */
  void transform(int64_t input) const {
    for (int64_t column = 0; column < g_.outputs;) {
      const int64_t width = isWide(column, g_.outputs) ? kPanel : kLanes;
      for (int64_t lane = 0; lane < width; lane += kLanes) {
        Vector values[9], half[3 * kPatch], products[kPatch];
        for (int tap = 0; tap < 9; ++tap) values[tap] = tapOf(tap, input, column + lane);
        for (int i = 0; i < 3; ++i) transformFilter<3>(values + i * 3, 1, half + i * kPatch);
        for (int j = 0; j < kPatch; ++j) {
          transformFilter<3>(half + j, kPatch, products);
          for (int i = 0; i < kPatch; ++i) {
            float* panel = const_cast<float*>(at(i * kPatch + j, column));
            store(panel + input * width + lane, products[i]);
          }
        }
      }
      column += width;
    }
  }

 private:
  /** Backward the filter is turned by 180° and its channels change places. */
  Vector tapOf(int tap, int64_t input, int64_t output) const {
    if (direction_ == Direction::kForward) {
      return load(stored_ + (tap * g_.inputs + input) * g_.outputs + output);
    }
    const float* turned = stored_ + ((8 - tap) * g_.outputs + output) * g_.inputs + input;
    Vector gathered;
    for (int lane = 0; lane < kLanes; ++lane) gathered[lane] = turned[lane * g_.inputs];
    return gathered;
  }

  const Geometry& g_;
  const Direction direction_;
  const float* stored_;
  float* out_;
};

}  // namespace kdx::KDX_ISA
