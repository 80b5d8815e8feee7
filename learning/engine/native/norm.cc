/** Compiled once for each set of instructions: KDX_ISA names it, KDX_LANES floats fill a register. */
#include "norm.h"

#include <algorithm>
#include <cmath>

#include "norm_lines.h"
#include "team.h"

namespace kdx::KDX_ISA {
namespace {

/** Mean of each column of a chunk, and the sum of the squares around it. */
void sumMoments(const Cut& cut, int64_t chunk, const float* x, const Sums& sums) {
  const int64_t lines = cut.linesOf(chunk), width = cut.width;
  const float share = 1.0f / static_cast<float>(lines);
  overStrips(width, [&](auto strip, int64_t column) {
    using S = decltype(strip);
    const float* from = x + cut.offset(chunk) + column;
    Values<S> mean, squares;
    for (int64_t line = 0; line < lines; ++line) {
      const Values<S> values(from + line * width);
      for (int i = 0; i < S::count; ++i) mean.of[i] += values.of[i];
    }
    for (int i = 0; i < S::count; ++i) mean.of[i] *= share;
    for (int64_t line = 0; line < lines; ++line) {
      const Values<S> values(from + line * width);
      for (int i = 0; i < S::count; ++i) {
        const auto distance = values.of[i] - mean.of[i];
        squares.of[i] += distance * distance;
      }
    }
    mean.storeAt(sums.firstOf(chunk) + column);
    squares.storeAt(sums.secondOf(chunk) + column);
  });
}

/** The statistics of a group of channels, from those of the chunks (Chan et al., 1979). */
void mergeMoments(const Norm& norm, const Cut& cut, const Sums& sums, int64_t begin, int64_t count,
                  const NormForward& data) {
  double mean[kGroup] = {}, squares[kGroup] = {};
  overSums(cut, sums, begin, count,
           [&](int64_t c, double lines, float chunkMean, float) { mean[c] += lines * chunkMean; });
  const double rows = static_cast<double>(norm.rows);
  for (int64_t c = 0; c < count; ++c) mean[c] /= rows;
  overSums(cut, sums, begin, count,
           [&](int64_t c, double lines, float chunkMean, float chunkSquares) {
             const double distance = chunkMean - mean[c];
             squares[c] += chunkSquares + lines * distance * distance;
           });
  const double momentum = norm.momentum;
  for (int64_t c = 0; c < count; ++c) {
    const int64_t channel = begin + c;
    const double corrected = squares[c] / std::max(rows - 1, 1.0);
    const auto moved = [&](float from, double to) {
      return static_cast<float>((1 - momentum) * from + momentum * to);
    };
    data.nextMean[channel] = moved(data.mean[channel], mean[c]);
    data.nextVariance[channel] = moved(data.variance[channel], corrected);
    data.centre[channel] = static_cast<float>(mean[c]);
    data.inverse[channel] = static_cast<float>(1 / std::sqrt(squares[c] / rows + norm.epsilon));
  }
}

void takeRunning(const Norm& norm, int64_t begin, int64_t count, const NormForward& data) {
  for (int64_t channel = begin; channel < begin + count; ++channel) {
    data.nextMean[channel] = data.centre[channel] = data.mean[channel];
    data.nextVariance[channel] = data.variance[channel];
    data.inverse[channel] = 1 / std::sqrt(data.variance[channel] + norm.epsilon);
  }
}

template <bool kRectified, bool kAdd>
void normaliseChunk(const Cut& cut, int64_t chunk, const Sums& sums, const NormForward& data) {
  overStrips(cut.width, [&](auto strip, int64_t column) {
    using S = decltype(strip);
    const Line<S> normal(sums, column);
    int64_t at = cut.offset(chunk) + column;
    for (int64_t line = 0; line < cut.linesOf(chunk); ++line, at += cut.width) {
      Values<S> values(data.x + at);
      for (int i = 0; i < S::count; ++i) values.of[i] = normal.at(i, values.of[i]);
      if (kAdd) {
        const Values<S> addend(data.addend + at);
        for (int i = 0; i < S::count; ++i) values.of[i] += addend.of[i];
      }
      if (kRectified) {
        // A value that is no number stays one: it must not be lost on its way to the loss.
        const typename S::Value zero{};
        for (auto& value : values.of) value = value < zero ? zero : value;
      }
      values.storeAt(data.y + at);
    }
  });
}

/** Runs `job` by the team, or alone where waking others takes longer than the work. */
template <typename Job>
void runJob(Team& team, const Cut& cut, const Job& job) {
  constexpr int64_t kFew = 4;
  if (cut.chunks <= kFew) {
    job();
  } else {
    team.run(job);
  }
}

void forward(const Norm& norm, const NormForward& data) {
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const Cut cut(norm);
  const Sums sums(cut);
  auto* normalise = normaliseChunk<false, false>;
  if (norm.rectified) {
    normalise = data.addend == nullptr ? normaliseChunk<true, false> : normaliseChunk<true, true>;
  }
  Phase summing(norm.training ? cut.chunks : 0), merging(cut.groups), normalising(cut.chunks);
  runJob(team, cut, [&] {
    summing.run([&](int64_t chunk) { sumMoments(cut, chunk, data.x, sums); });
    merging.run([&](int64_t group) {
      const int64_t begin = group * kGroup, count = std::min(kGroup, cut.channels - begin);
      if (norm.training) {
        mergeMoments(norm, cut, sums, begin, count, data);
      } else {
        takeRunning(norm, begin, count, data);
      }
      spreadFactors(sums, begin, count, data.gamma, data.beta, data.centre, data.inverse);
    });
    normalising.run([&](int64_t chunk) { normalise(cut, chunk, sums, data); });
  });
}

/** What comes back through ReLU and the sum: the slope of the normalised values. */
template <bool kRectified, bool kAdd, typename S>
Values<S> slopeAt(int64_t at, const Values<S>& x, const Line<S>& normal, const NormBackward& data) {
  Values<S> slope(data.dy + at);
  if (!kRectified) return slope;
  const typename S::Value zero{};
  const Values<S> active = kAdd ? Values<S>(data.y + at) : x;
  for (int i = 0; i < S::count; ++i) {
    const auto value = kAdd ? active.of[i] : normal.at(i, active.of[i]);
    slope.of[i] = value > zero ? slope.of[i] : zero;
  }
  return slope;
}

/** Sums of the slopes, and of their products with x − centre; the addend's gradient on the way. */
template <bool kRectified, bool kAdd>
void sumSlopes(const Cut& cut, int64_t chunk, const Sums& sums, const NormBackward& data) {
  overStrips(cut.width, [&](auto strip, int64_t column) {
    using S = decltype(strip);
    const Line<S> normal(sums, column);
    Values<S> slopes, products;
    int64_t at = cut.offset(chunk) + column;
    for (int64_t line = 0; line < cut.linesOf(chunk); ++line, at += cut.width) {
      const Values<S> x(data.x + at);
      const Values<S> slope = slopeAt<kRectified, kAdd, S>(at, x, normal, data);
      for (int i = 0; i < S::count; ++i) {
        slopes.of[i] += slope.of[i];
        products.of[i] += slope.of[i] * (x.of[i] - normal.centre.of[i]);
      }
      if (kAdd) slope.storeAt(data.dAddend + at);
    }
    slopes.storeAt(sums.firstOf(chunk) + column);
    products.storeAt(sums.secondOf(chunk) + column);
  });
}

void mergeSlopes(const Norm& norm, const Cut& cut, const Sums& sums, int64_t begin, int64_t count,
                 const NormBackward& data) {
  double slopes[kGroup] = {}, products[kGroup] = {};
  overSums(cut, sums, begin, count, [&](int64_t c, double, float slope, float product) {
    slopes[c] += slope;
    products[c] += product;
  });
  const double share = norm.training ? 1.0 / static_cast<double>(norm.rows) : 0;
  for (int64_t c = 0; c < count; ++c) {
    const int64_t channel = begin + c;
    const double inverse = data.inverse[channel];
    data.dBeta[channel] = static_cast<float>(slopes[c]);
    data.dGamma[channel] = static_cast<float>(products[c] * inverse);
    sums.setFactor(kMeanSlope, channel, static_cast<float>(slopes[c] * share));
    sums.setFactor(kMeanProduct, channel,
                   static_cast<float>(products[c] * inverse * inverse * share));
  }
}

/** dx = γ/σ · (slope − mean slope − (x − centre) · mean product / σ²). */
template <bool kRectified, bool kAdd>
void slopeOfInput(const Cut& cut, int64_t chunk, const Sums& sums, const NormBackward& data) {
  overStrips(cut.width, [&](auto strip, int64_t column) {
    using S = decltype(strip);
    const Line<S> normal(sums, column);
    const Values<S> meanSlope(sums.factor(kMeanSlope) + column);
    const Values<S> meanProduct(sums.factor(kMeanProduct) + column);
    int64_t at = cut.offset(chunk) + column;
    for (int64_t line = 0; line < cut.linesOf(chunk); ++line, at += cut.width) {
      const Values<S> x(data.x + at);
      Values<S> slope = kAdd ? Values<S>(data.dAddend + at)
                             : slopeAt<kRectified, false, S>(at, x, normal, data);
      for (int i = 0; i < S::count; ++i) {
        const auto distance = x.of[i] - normal.centre.of[i];
        const auto centred = slope.of[i] - meanSlope.of[i] - distance * meanProduct.of[i];
        slope.of[i] = normal.scale.of[i] * centred;
      }
      slope.storeAt(data.dx + at);
    }
  });
}

void backward(const Norm& norm, const NormBackward& data) {
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const Cut cut(norm);
  const Sums sums(cut);
  auto* sum = sumSlopes<false, false>;
  auto* finish = slopeOfInput<false, false>;
  if (norm.rectified) {
    const bool hasAddend = data.dAddend != nullptr;
    sum = hasAddend ? sumSlopes<true, true> : sumSlopes<true, false>;
    finish = hasAddend ? slopeOfInput<true, true> : slopeOfInput<true, false>;
  }
  spreadFactors(sums, 0, cut.channels, data.gamma, data.beta, data.centre, data.inverse);
  Phase summing(cut.chunks), merging(cut.groups), finishing(cut.chunks);
  runJob(team, cut, [&] {
    summing.run([&](int64_t chunk) { sum(cut, chunk, sums, data); });
    merging.run([&](int64_t group) {
      const int64_t begin = group * kGroup, count = std::min(kGroup, cut.channels - begin);
      mergeSlopes(norm, cut, sums, begin, count, data);
    });
    finishing.run([&](int64_t chunk) { finish(cut, chunk, sums, data); });
  });
}

}  // namespace

extern const NormKernels normKernels;
const NormKernels normKernels = {forward, backward};

}  // namespace kdx::KDX_ISA
