/** The transforms of F(2 × 2, 3 × 3) and of its gradient, for a line and for a patch. */
#pragma once

#include "vectors.h"

namespace kdx::KDX_ISA {

/** Outputs of a tile along an edge, inputs that they need, and the products in between. */
constexpr int kTile = 2;
constexpr int kPatch = 4;
constexpr int kProducts = kPatch * kPatch;

/* The transforms of Lavin & Gray, §4.1, from the points 0, 1, −1 and ∞, by the line. */

/** Bᵀ: a line of 4 inputs. */
inline void transformInput(const Vector* d, int step, Vector* out) {
  const Vector d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
  out[0] = d0 - d2;
  out[1] = d1 + d2;
  out[2] = d2 - d1;
  out[3] = d1 - d3;
}

/** G: a line of 3 taps of the filter; of 2 slopes, which are a filter to the filter's gradient. */
template <int kSize>
inline void transformFilter(const Vector* g, int step, Vector* out) {
  const Vector first = g[0], second = g[step], last = g[(kSize - 1) * step];
  const Vector even = kSize == 3 ? first + last : first;
  out[0] = first;
  out[1] = 0.5F * (even + second);
  out[2] = 0.5F * (even - second);
  out[3] = last;
}

/** Aᵀ: 2 outputs, or 3 taps of the filter's gradient, from a line of 4 products. */
template <int kSize>
inline void transformOutput(const Vector* m, int step, Vector* out) {
  const Vector m0 = m[0], m1 = m[step], m2 = m[2 * step], m3 = m[3 * step];
  const Vector even = m1 + m2, odd = m1 - m2;
  out[0] = m0 + even;
  out[1] = kSize == 3 ? odd : odd - m3;
  if (kSize == 3) out[2] = even - m3;
}

/**
 * Transforms a patch of a map along both edges, for all channels: kSize × kSize values at `sources`
 * become 16 at `out`, `stride` floats apart.
 */
template <int kSize, typename Line>
inline void transformPatch(const float* const* sources, int64_t channels, float* out,
                           int64_t stride, const Line& line) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    Vector values[kSize * kSize], half[kSize * kPatch], column[kPatch];
    for (int i = 0; i < kSize * kSize; ++i) values[i] = load(sources[i] + c);
    for (int i = 0; i < kSize; ++i) line(values + i * kSize, 1, half + i * kPatch);
    for (int j = 0; j < kPatch; ++j) {
      line(half + j, kPatch, column);
      for (int i = 0; i < kPatch; ++i) store(out + (i * kPatch + j) * stride + c, column[i]);
    }
  }
}

/** The way back: 16 products, `stride` apart, become kSize × kSize values in rows. */
template <int kSize>
inline void transformProducts(const Vector* products, Vector* out) {
  Vector half[kPatch * kSize], column[kSize];
  for (int i = 0; i < kPatch; ++i) transformOutput<kSize>(products + i * kPatch, 1, half + i * kSize);
  for (int j = 0; j < kSize; ++j) {
    transformOutput<kSize>(half + j, kSize, column);
    for (int i = 0; i < kSize; ++i) out[i * kSize + j] = column[i];
  }
}

}  // namespace kdx::KDX_ISA
