/** Compiled once for each set of instructions: KDX_ISA names it, KDX_LANES floats fill a register. */
#include "depthwise.h"

#include <vector>

#include "bands.h"
#include "strips.h"

namespace kdx::KDX_ISA {
namespace {

constexpr int kSide = 3, kTaps = kSide * kSide;
/** Outputs of a band, about: their sums are merged in float64. */
constexpr int64_t kPixels = 512;

/** Calls `work(value of the type to compute with, channel)`; the last strip may overlap another. */
template <typename Work>
void overChannels(int64_t channels, const Work& work) {
  if (channels < kLanes) {
    for (int64_t c = 0; c < channels; ++c) work(float{}, c);
    return;
  }
  for (int64_t c = 0; c + kLanes <= channels; c += kLanes) work(Vector{}, c);
  if (channels % kLanes != 0) work(Vector{}, channels - kLanes);
}

/** Whoever has the team's turn may use it. */
float* scratch(int64_t floats) {
  static Buffer* buffer = new Buffer;
  return buffer->of(floats);
}

/** The rows of maps that a row of outputs meets, from channel `c` on; `zeros` beyond the edges. */
struct Lines {
  Lines(const Depthwise& g, const float* maps, const float* zeros, int64_t row, int64_t stride,
        int64_t rows, int64_t c) {
    const int64_t image = row / rows, y = row % rows * stride, step = g.width * g.channels;
    for (int k = 0; k < kSide; ++k) {
      const int64_t line = y + k - 1;
      const bool inside = line >= 0 && line < g.height;
      of[k] = (inside ? maps + (image * g.height + line) * step : zeros) + c;
    }
  }
  const float* of[kSide];
};

/** Rows of outputs; `stride` is 1 and the filter turned round for an input gradient. */
template <typename T>
void convolveRows(const Depthwise& g, const Bands& bands, int64_t band, const float* zeros,
                  int64_t c, const float* x, const float* filter, bool turned, float* y) {
  const int64_t channels = g.channels, columns = g.columnsOut();
  T taps[kTaps];
  for (int t = 0; t < kTaps; ++t) {
    taps[t] = loadAs<T>(filter + (turned ? kTaps - 1 - t : t) * channels + c);
  }
  for (int64_t row = bands.begin(band); row < bands.end(band); ++row) {
    const Lines lines(g, x, zeros, row, g.stride, g.rowsOut(), c);
    float* to = y + row * columns * channels + c;
    for (int64_t column = 0; column < columns; ++column, to += channels) {
      const int64_t centre = column * g.stride, at = centre * channels;
      T sum{};
      for (int k = 0; k < kSide; ++k) sum += taps[k * kSide + 1] * loadAs<T>(lines.of[k] + at);
      if (centre > 0) {
        for (int k = 0; k < kSide; ++k) {
          sum += taps[k * kSide] * loadAs<T>(lines.of[k] + at - channels);
        }
      }
      if (centre + 1 < g.width) {
        for (int k = 0; k < kSide; ++k) {
          sum += taps[k * kSide + 2] * loadAs<T>(lines.of[k] + at + channels);
        }
      }
      store(to, sum);
    }
  }
}

void convolve(const Depthwise& g, const float* x, const float* filter, bool turned, float* y) {
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const Bands bands(g.batch * g.rowsOut(), kPixels / g.columnsOut());
  const int64_t zeroCount = g.width * g.channels;
  float* zeros = scratch(zeroCount);
  std::memset(zeros, 0, zeroCount * sizeof(float));
  Phase phase(bands.count);
  runJob(team, bands.count, [&] {
    phase.run([&](int64_t band) {
      overChannels(g.channels, [&](auto type, int64_t c) {
        convolveRows<decltype(type)>(g, bands, band, zeros, c, x, filter, turned, y);
      });
    });
  });
}

void forward(const Depthwise& g, const float* x, const float* filter, float* y) {
  convolve(g, x, filter, false, y);
}

/** The outputs that one row or column of a map goes into, each by one tap of the filter. */
struct Reach {
  Reach(int64_t at, int64_t stride, int64_t outputs) {
    for (int tap = 0; tap < kSide; ++tap) {
      const int64_t from = at + 1 - tap;
      if (from < 0 || from % stride != 0 || from / stride >= outputs) continue;
      taps[count] = tap;
      places[count++] = from / stride;
    }
  }
  int count = 0, taps[kSide] = {};
  int64_t places[kSide] = {};
};

/** Rows of the gradient of maps where outputs are strides apart. */
template <typename T>
void spreadRows(const Depthwise& g, const Bands& bands, int64_t band, int64_t c,
                const std::vector<Reach>& reaches, const float* dy, const float* filter,
                float* dx) {
  const int64_t channels = g.channels, rows = g.rowsOut(), columns = g.columnsOut();
  T taps[kTaps];
  for (int t = 0; t < kTaps; ++t) taps[t] = loadAs<T>(filter + t * channels + c);
  for (int64_t row = bands.begin(band); row < bands.end(band); ++row) {
    const int64_t image = row / g.height;
    const Reach down(row % g.height, g.stride, rows);
    float* to = dx + row * g.width * channels + c;
    for (const Reach& right : reaches) {
      T sum{};
      for (int i = 0; i < down.count; ++i) {
        const float* line = dy + (image * rows + down.places[i]) * columns * channels + c;
        for (int j = 0; j < right.count; ++j) {
          const T slope = loadAs<T>(line + right.places[j] * channels);
          sum += taps[down.taps[i] * kSide + right.taps[j]] * slope;
        }
      }
      store(to, sum);
      to += channels;
    }
  }
}

void inputGradient(const Depthwise& g, const float* dy, const float* filter, float* dx) {
  if (g.stride == 1) return convolve(g, dy, filter, true, dx);
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const Bands bands(g.batch * g.height, kPixels / g.width);
  std::vector<Reach> reaches;
  for (int64_t column = 0; column < g.width; ++column) {
    reaches.emplace_back(column, g.stride, g.columnsOut());
  }
  Phase phase(bands.count);
  runJob(team, bands.count, [&] {
    phase.run([&](int64_t band) {
      overChannels(g.channels, [&](auto type, int64_t c) {
        spreadRows<decltype(type)>(g, bands, band, c, reaches, dy, filter, dx);
      });
    });
  });
}

/** What a band adds to the gradient of the filter, [3, 3, channels]. */
template <typename T>
void sumRows(const Depthwise& g, const Bands& bands, int64_t band, const float* zeros, int64_t c,
             const float* x, const float* dy, float* sums) {
  const int64_t channels = g.channels, columns = g.columnsOut();
  T taps[kTaps] = {};
  for (int64_t row = bands.begin(band); row < bands.end(band); ++row) {
    const Lines lines(g, x, zeros, row, g.stride, g.rowsOut(), c);
    const float* from = dy + row * columns * channels + c;
    for (int64_t column = 0; column < columns; ++column, from += channels) {
      const int64_t centre = column * g.stride, at = centre * channels;
      const T slope = loadAs<T>(from);
      for (int k = 0; k < kSide; ++k) taps[k * kSide + 1] += slope * loadAs<T>(lines.of[k] + at);
      if (centre > 0) {
        for (int k = 0; k < kSide; ++k) {
          taps[k * kSide] += slope * loadAs<T>(lines.of[k] + at - channels);
        }
      }
      if (centre + 1 < g.width) {
        for (int k = 0; k < kSide; ++k) {
          taps[k * kSide + 2] += slope * loadAs<T>(lines.of[k] + at + channels);
        }
      }
    }
  }
  for (int t = 0; t < kTaps; ++t) store(sums + t * channels + c, taps[t]);
}

void filterGradient(const Depthwise& g, const float* x, const float* dy, float* dFilter) {
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const Bands bands(g.batch * g.rowsOut(), kPixels / g.columnsOut());
  const int64_t zeroCount = g.width * g.channels, size = kTaps * g.channels;
  float* zeros = scratch(zeroCount + bands.count * size);
  float* sums = zeros + zeroCount;
  std::memset(zeros, 0, zeroCount * sizeof(float));
  Phase summing(bands.count), merging(kTaps);
  runJob(team, bands.count, [&] {
    summing.run([&](int64_t band) {
      overChannels(g.channels, [&](auto type, int64_t c) {
        sumRows<decltype(type)>(g, bands, band, zeros, c, x, dy, sums + band * size);
      });
    });
    merging.run([&](int64_t tap) {
      for (int64_t c = 0; c < g.channels; ++c) {
        double sum = 0;
        for (int64_t band = 0; band < bands.count; ++band) {
          sum += sums[band * size + tap * g.channels + c];
        }
        dFilter[tap * g.channels + c] = static_cast<float>(sum);
      }
    });
  });
}

}  // namespace

extern const DepthwiseKernels depthwiseKernels;
const DepthwiseKernels depthwiseKernels = {forward, inputGradient, filterGradient};

}  // namespace kdx::KDX_ISA
