/** Rows of a matrix cut into columns that fill some registers each. */
#pragma once

#include "vectors.h"

namespace kdx::KDX_ISA {

/** `kCount` registers, or single values, side by side. */
template <typename T, int kCount>
struct Strip {
  using Value = T;
  static constexpr int count = kCount;
  static constexpr int64_t step = sizeof(T) / sizeof(float);
  static constexpr int64_t floats = kCount * step;
};

/** Calls `work(strip, column)` for every column of rows of `width` values, as wide as it can. */
template <typename Work>
inline void overStrips(int64_t width, const Work& work) {
  using Wide = Strip<Vector, 4>;
  int64_t column = 0;
  for (; column + Wide::floats <= width; column += Wide::floats) work(Wide{}, column);
  for (; column + kLanes <= width; column += kLanes) work(Strip<Vector, 1>{}, column);
  for (; column < width; ++column) work(Strip<float, 1>{}, column);
}

template <typename T>
inline T loadAs(const float* from) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return *from;
  } else {
    return load(from);
  }
}
inline void store(float* to, float value) { *to = value; }

/** The values of a strip at `from`. */
template <typename S>
struct Values {
  using T = typename S::Value;
  Values() = default;
  explicit Values(const float* from) {
    for (int i = 0; i < S::count; ++i) of[i] = loadAs<T>(from + i * S::step);
  }
  void storeAt(float* to) const {
    for (int i = 0; i < S::count; ++i) store(to + i * S::step, of[i]);
  }
  T of[S::count] = {};
};

}  // namespace kdx::KDX_ISA
