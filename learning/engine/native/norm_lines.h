/** How a batch norm's maps are cut into pieces, and what is summed up of each. */
#pragma once

#include <algorithm>

#include "norm.h"
#include "strips.h"

namespace kdx::KDX_ISA {

/** Values of a line, at least: several rows side by side where channels are few. */
constexpr int64_t kLine = 64;
/** Values of a chunk, which fit into a core's first-level cache. */
constexpr int64_t kChunk = 8192;
/** Channels whose sums are merged together. */
constexpr int64_t kGroup = 16;

/**
 * How maps are cut into lines of rows, and these into chunks that whoever comes works on: by shapes
 * alone, so that no result depends on the threads.
 */
struct Cut {
  explicit Cut(const Norm& norm) : channels(norm.channels), width(norm.channels), lines(norm.rows) {
    while (width < kLine && lines % 2 == 0) {
      width *= 2;
      lines /= 2;
    }
    perChunk = std::clamp<int64_t>(kChunk / width, 1, lines);
    chunks = (lines + perChunk - 1) / perChunk;
    groups = (channels + kGroup - 1) / kGroup;
  }
  int64_t offset(int64_t chunk) const { return chunk * perChunk * width; }
  int64_t linesOf(int64_t chunk) const { return std::min(perChunk, lines - chunk * perChunk); }

  int64_t channels, width, lines, perChunk, chunks, groups;
};

/** Two values for each column of each chunk, and some for each column of a line. */
struct Sums {
  explicit Sums(const Cut& cut) : cut(cut) {
    const int64_t size = cut.chunks * cut.width;
    first = memory().of(2 * size + kFactors * cut.width);
    second = first + size;
    factors = second + size;
  }
  float* firstOf(int64_t chunk) const { return first + chunk * cut.width; }
  float* secondOf(int64_t chunk) const { return second + chunk * cut.width; }
  /** One of kFactors rows, each channel's as often as a line has it. */
  float* factor(int index) const { return factors + index * cut.width; }
  void setFactor(int index, int64_t channel, float value) const {
    for (int64_t c = channel; c < cut.width; c += cut.channels) factor(index)[c] = value;
  }

  static constexpr int kFactors = 5;
  const Cut& cut;
  float *first, *second, *factors;

 private:
  /** Whoever has the team's turn may use it. */
  static Buffer& memory() {
    static Buffer* buffer = new Buffer;
    return *buffer;
  }
};

/** Rows of `Sums::factor`. */
enum Factor { kCentre, kScale, kBeta, kMeanSlope, kMeanProduct };

/** Calls `take(channel in the group, chunk's lines, first, second)` for a group's sums, in order. */
template <typename Take>
void overSums(const Cut& cut, const Sums& sums, int64_t begin, int64_t count, const Take& take) {
  for (int64_t chunk = 0; chunk < cut.chunks; ++chunk) {
    const double lines = static_cast<double>(cut.linesOf(chunk));
    for (int64_t column = begin; column < cut.width; column += cut.channels) {
      const float* first = sums.firstOf(chunk) + column;
      const float* second = sums.secondOf(chunk) + column;
      for (int64_t c = 0; c < count; ++c) take(c, lines, first[c], second[c]);
    }
  }
}

/** Sets what `Line` reads, for `count` channels from `begin` on. */
inline void spreadFactors(const Sums& sums, int64_t begin, int64_t count, const float* gamma,
                          const float* beta, const float* centre, const float* inverse) {
  for (int64_t channel = begin; channel < begin + count; ++channel) {
    sums.setFactor(kCentre, channel, centre[channel]);
    sums.setFactor(kScale, channel, gamma[channel] * inverse[channel]);
    sums.setFactor(kBeta, channel, beta[channel]);
  }
}

/** What normalises a strip of columns. */
template <typename S>
struct Line {
  Line(const Sums& sums, int64_t column)
      : centre(sums.factor(kCentre) + column),
        scale(sums.factor(kScale) + column),
        beta(sums.factor(kBeta) + column) {}
  typename S::Value at(int i, typename S::Value x) const {
    return (x - centre.of[i]) * scale.of[i] + beta.of[i];
  }
  const Values<S> centre, scale, beta;
};

}  // namespace kdx::KDX_ISA
