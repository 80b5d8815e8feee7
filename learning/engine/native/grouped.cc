/** Compiled once for each set of instructions: KDX_ISA names it, KDX_LANES floats fill a register. */
#include "grouped.h"

#include "bands.h"
#include "products.h"

namespace kdx::KDX_ISA {
namespace {

/** Rows of a band of products, and of one whose sums are merged in float64. */
constexpr int64_t kBand = 64, kSumBand = 512;
/** Values of a band of a shuffle, about. */
constexpr int64_t kShuffled = 16384;

int64_t padded(int64_t columns) { return (columns + kLanes - 1) / kLanes * kLanes; }

/** Whoever has the team's turn may use it. */
float* shared(int64_t floats) {
  static Buffer* buffer = new Buffer;
  return buffer->of(floats);
}

/** A thread's own. */
float* own(int64_t floats) {
  static thread_local Buffer buffer;
  return buffer.of(floats);
}

/** A matrix [inputs, outputs] for each group, rows filled up to whole registers. */
struct Panels {
  Panels(const Grouped& g, float* memory) : g(g), width(padded(g.outputs)), memory(memory) {}
  static int64_t size(const Grouped& g) { return g.groups * g.inputs * padded(g.outputs); }
  float* at(int64_t group, int64_t input) const {
    return memory + (group * g.inputs + input) * width;
  }

  const Grouped& g;
  const int64_t width;
  float* const memory;
};

/** Sums by their definition, for fewer rows than a block of products has. */
void multiplyFew(const Panels& panels, int64_t group, int64_t begin, int64_t end, const float* x,
                 float* y) {
  const Grouped& g = panels.g;
  for (int64_t row = begin; row < end; ++row) {
    const float* from = x + (row * g.groups + group) * g.inputs;
    float* to = y + (row * g.groups + group) * g.outputs;
    for (int64_t o = 0; o < g.outputs; ++o) {
      float sum = 0;
      for (int64_t i = 0; i < g.inputs; ++i) sum += from[i] * panels.at(group, i)[o];
      to[o] = sum;
    }
  }
}

/** kRows rows of one group by some columns of its panel. */
template <int kColumns>
void multiplyRows(const Panels& panels, int64_t group, int64_t row, int64_t column, const float* x,
                  float* y) {
  constexpr int64_t kWidth = kColumns * kLanes;
  const Grouped& g = panels.g;
  const int64_t xStep = g.groups * g.inputs, yStep = g.groups * g.outputs;
  const float* left = x + row * xStep + group * g.inputs;
  const float* right = panels.at(group, 0) + column;
  float* out = y + row * yStep + group * g.outputs + column;
  const int64_t count = std::min(kWidth, g.outputs - column);
  if (count == kWidth) {
    multiplyBlock<kColumns, false>(left, xStep, 1, right, panels.width, g.inputs, out, yStep);
    return;
  }
  float block[kRows * kWidth];
  multiplyBlock<kColumns, false>(left, xStep, 1, right, panels.width, g.inputs, block, kWidth);
  for (int r = 0; r < kRows; ++r) {
    std::memcpy(out + r * yStep, block + r * kWidth, count * sizeof(float));
  }
}

void multiplyBand(const Panels& panels, int64_t begin, int64_t end, const float* x, float* y) {
  for (int64_t group = 0; group < panels.g.groups; ++group) {
    if (end - begin < kRows) {
      multiplyFew(panels, group, begin, end, x, y);
      continue;
    }
    for (int64_t next = begin; next < end; next += kRows) {
      // The last block may overlap the one before it.
      const int64_t row = std::min(next, end - kRows);
      for (int64_t column = 0; column < panels.width;) {
        const bool wide = isWide(column, panels.width);
        if (wide) {
          multiplyRows<kWide>(panels, group, row, column, x, y);
        } else {
          multiplyRows<1>(panels, group, row, column, x, y);
        }
        column += wide ? kPanel : kLanes;
      }
    }
  }
}

/** y from x by matrices that `fill` writes, row by row. */
template <typename Fill>
void multiply(const Grouped& g, const float* x, float* y, const Fill& fill) {
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const Panels panels(g, shared(Panels::size(g)));
  for (int64_t group = 0; group < g.groups; ++group) {
    for (int64_t i = 0; i < g.inputs; ++i) {
      float* to = panels.at(group, i);
      fill(group, i, to);
      std::fill(to + g.outputs, to + panels.width, 0.0f);
    }
  }
  const Bands bands(g.rows, kBand, kRows);
  Phase phase(bands.count);
  runJob(team, bands.count, [&] {
    phase.run([&](int64_t band) {
      multiplyBand(panels, bands.begin(band), bands.end(band), x, y);
    });
  });
}

void forward(const Grouped& g, const float* x, const float* filter, float* y) {
  multiply(g, x, y, [&](int64_t group, int64_t i, float* to) {
    const float* from = filter + (i * g.groups + group) * g.outputs;
    std::copy(from, from + g.outputs, to);
  });
}

void inputGradient(const Grouped& g, const float* dy, const float* filter, float* dx) {
  const Grouped turned{g.rows, g.groups, g.outputs, g.inputs};
  multiply(turned, dy, dx, [&](int64_t group, int64_t o, float* to) {
    for (int64_t i = 0; i < g.inputs; ++i) to[i] = filter[(i * g.groups + group) * g.outputs + o];
  });
}

/** What a band adds to the gradient of one group's filters. */
void sumGroup(const Panels& sums, int64_t group, int64_t begin, int64_t end, const float* x,
              const float* dy) {
  const Grouped& g = sums.g;
  const int64_t depth = end - begin, xStep = g.groups * g.inputs, width = sums.width;
  const float* left = x + begin * xStep + group * g.inputs;
  float* slopes = own(depth * width);
  for (int64_t row = 0; row < depth; ++row) {
    const float* from = dy + ((begin + row) * g.groups + group) * g.outputs;
    std::copy(from, from + g.outputs, slopes + row * width);
    std::fill(slopes + row * width + g.outputs, slopes + (row + 1) * width, 0.0f);
  }
  if (g.inputs < kRows) {
    for (int64_t i = 0; i < g.inputs; ++i) {
      float* to = sums.at(group, i);
      std::fill(to, to + width, 0.0f);
      for (int64_t row = 0; row < depth; ++row) {
        for (int64_t o = 0; o < width; ++o) to[o] += left[row * xStep + i] * slopes[row * width + o];
      }
    }
    return;
  }
  for (int64_t next = 0; next < g.inputs; next += kRows) {
    const int64_t i = std::min(next, g.inputs - kRows);
    for (int64_t column = 0; column < width;) {
      const bool wide = isWide(column, width);
      const auto product = wide ? multiplyBlock<kWide, false> : multiplyBlock<1, false>;
      product(left + i, 1, xStep, slopes + column, width, depth, sums.at(group, i) + column, width);
      column += wide ? kPanel : kLanes;
    }
  }
}

void filterGradient(const Grouped& g, const float* x, const float* dy, float* dFilter) {
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const Bands bands(g.rows, kSumBand);
  const int64_t size = Panels::size(g);
  float* memory = shared(bands.count * size);
  Phase summing(bands.count * g.groups), merging(g.inputs);
  runJob(team, bands.count * g.groups, [&] {
    summing.run([&](int64_t task) {
      const int64_t band = task / g.groups, group = task % g.groups;
      const Panels sums(g, memory + band * size);
      sumGroup(sums, group, bands.begin(band), bands.end(band), x, dy);
    });
    merging.run([&](int64_t i) {
      for (int64_t group = 0; group < g.groups; ++group) {
        const float* from = Panels(g, memory).at(group, i);
        float* to = dFilter + (i * g.groups + group) * g.outputs;
        for (int64_t o = 0; o < g.outputs; ++o) {
          double sum = 0;
          for (int64_t band = 0; band < bands.count; ++band) sum += from[band * size + o];
          to[o] = static_cast<float>(sum);
        }
      }
    });
  });
}

void shuffle(int64_t rows, int64_t channels, int64_t groups, const float* x, float* y) {
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const int64_t count = channels / groups;
  const Bands bands(rows, kShuffled / channels);
  Phase phase(bands.count);
  runJob(team, bands.count, [&] {
    phase.run([&](int64_t band) {
      for (int64_t row = bands.begin(band); row < bands.end(band); ++row) {
        const float* from = x + row * channels;
        float* to = y + row * channels;
        for (int64_t g = 0; g < groups; ++g) {
          for (int64_t j = 0; j < count; ++j) to[j * groups + g] = from[g * count + j];
        }
      }
    });
  });
}

}  // namespace

extern const GroupedKernels groupedKernels;
const GroupedKernels groupedKernels = {forward, inputGradient, filterGradient, shuffle};

}  // namespace kdx::KDX_ISA
