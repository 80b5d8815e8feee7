/** Products of matrices, a block of registers at a time. */
#pragma once

#include "vectors.h"

namespace kdx::KDX_ISA {

/** Rows and registers a row of the block of products that stays in registers. */
constexpr int kRows = kLanes == 16 ? 8 : 4;
constexpr int kWide = 2;

/**
 * c[r][j] (+)= Σₖ left(r, k) · right[k][j] for kRows rows and kColumns registers. `left` is read
 * one value at a time, `rowStep` apart from row to row and `depthStep` from k to k.
 */
template <int kColumns, bool kAdd>
__attribute__((always_inline)) inline void multiplyBlock(const float* left, int64_t rowStep,
                                                         int64_t depthStep, const float* right,
                                                         int64_t rightStep, int64_t depth, float* c,
                                                         int64_t cStep) {
  Vector sums[kRows][kColumns];
  for (int r = 0; r < kRows; ++r) {
    for (int j = 0; j < kColumns; ++j) {
      sums[r][j] = kAdd ? load(c + r * cStep + j * kLanes) : Vector{};
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    Vector row[kColumns];
    for (int j = 0; j < kColumns; ++j) row[j] = load(right + k * rightStep + j * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const float value = left[r * rowStep + k * depthStep];
      for (int j = 0; j < kColumns; ++j) sums[r][j] += value * row[j];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int j = 0; j < kColumns; ++j) store(c + r * cStep + j * kLanes, sums[r][j]);
  }
}

/** Columns of the widest block, and those of the one that starts at a column. */
constexpr int64_t kPanel = kWide * kLanes;
inline bool isWide(int64_t column, int64_t columns) { return columns - column >= kPanel; }

}  // namespace kdx::KDX_ISA
