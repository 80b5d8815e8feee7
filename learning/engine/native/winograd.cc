/** Compiled once for each set of instructions: KDX_ISA names it, KDX_LANES floats fill a register. */
#include "winograd.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "team.h"

namespace kdx::KDX_ISA {
namespace {

constexpr int kLanes = KDX_LANES;
/** Outputs of a tile along an edge, inputs that they need, and the products in between. */
constexpr int kTile = 2;
constexpr int kPatch = 4;
constexpr int kProducts = kPatch * kPatch;

typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));
/** One that may stand at any address of a float. */
typedef float Loose __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

inline Vector load(const float* from) { return *reinterpret_cast<const Loose*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<Loose*>(to) = value; }

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

/** Memory that grows and is kept, aligned to cache lines. */
class Buffer {
 public:
  float* of(int64_t floats) {
    if (floats > size_) {
      const size_t bytes = (static_cast<size_t>(floats) * sizeof(float) + 4095) / 4096 * 4096;
      memory_.reset(static_cast<float*>(std::aligned_alloc(4096, bytes)));
      // Rows behind the last tile are multiplied too: whatever they hold must be finite.
      std::memset(memory_.get(), 0, bytes);
      size_ = floats;
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
  int64_t size_ = 0;
};

/** Each thread's own. */
thread_local Buffer scratch;

/** What all threads of an operation share; whoever has the team's turn may use it. */
Buffer& shared() {
  static Buffer* buffer = new Buffer;
  return *buffer;
}

/** The tiles of a batch of maps in order: image, row, column. */
struct Tiling {
  explicit Tiling(const Geometry& g)
      : height(g.height),
        width(g.width),
        rows((g.height + kTile - 1) / kTile),
        columns((g.width + kTile - 1) / kTile),
        count(g.batch * rows * columns) {}

  struct Place {
    int64_t image, y, x;
  };
  Place at(int64_t tile) const {
    return {tile / (rows * columns), tile / columns % rows * kTile, tile % columns * kTile};
  }

  const int64_t height, width, rows, columns, count;
};

/** Where the values of a patch are, `zeros` for those beyond the edges. */
template <int kSize>
inline void locate(const Tiling& tiling, Tiling::Place place, int64_t offset, const float* maps,
                   int64_t channels, const float* zeros, const float** sources) {
  const float* image = maps + place.image * tiling.height * tiling.width * channels;
  for (int i = 0; i < kSize; ++i) {
    const int64_t y = place.y + offset + i;
    for (int j = 0; j < kSize; ++j) {
      const int64_t x = place.x + offset + j;
      const bool inside = y >= 0 && y < tiling.height && x >= 0 && x < tiling.width;
      sources[i * kSize + j] = inside ? image + (y * tiling.width + x) * channels : zeros;
    }
  }
}

/** Zeros for every channel, wherever a patch reaches over the edge. */
const float* zerosFor(int64_t channels) {
  static thread_local Buffer zeros;
  return zeros.of(channels);
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

const auto inputLine = [](const Vector* d, int step, Vector* out) { transformInput(d, step, out); };
const auto slopeLine = [](const Vector* d, int step, Vector* out) {
  transformFilter<2>(d, step, out);
};

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

/** Rows and registers a row of the block of products that stays in registers. */
constexpr int kRows = kLanes == 16 ? 8 : 4;
constexpr int kWide = 2;

/**
 * c[r][j] (+)= Σₖ left(r, k) · right[k][j] for kRows rows and kColumns registers. `left` is read
 * one value at a time, `rowStep` apart from row to row and `depthStep` from k to k.
 */
template <int kColumns, bool kAdd>
inline void multiplyBlock(const float* left, int64_t rowStep, int64_t depthStep, const float* right,
                          int64_t rightStep, int64_t depth, float* c, int64_t cStep) {
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

/** Bytes that the transformed patches of a block may take: half of a core's second-level cache. */
constexpr int64_t kBlockBytes = 512 * 1024;

/** Tiles of a block, a multiple of kRows. */
int64_t blockTiles(const Geometry& g) {
  const int64_t bytes = kProducts * (g.inputs + g.outputs) * static_cast<int64_t>(sizeof(float));
  return std::clamp<int64_t>(kBlockBytes / bytes, 16, 128) / kRows * kRows;
}

/** Keeps the 16 matrices of a block off each other's cache sets. */
constexpr int64_t kGap = 16;

void convolveBlock(const Geometry& g, const Tiling& tiling, const Filters& filters, const float* x,
                   float* y, int64_t first, int64_t block) {
  const int64_t count = std::min(block, tiling.count - first);
  const int64_t inputStride = block * g.inputs + kGap, outputStride = block * g.outputs + kGap;
  float* patches = scratch.of(kProducts * (inputStride + outputStride));
  float* products = patches + kProducts * inputStride;
  const float* zeros = zerosFor(g.inputs);
  for (int64_t t = 0; t < count; ++t) {
    const float* sources[kProducts];
    locate<kPatch>(tiling, tiling.at(first + t), -1, x, g.inputs, zeros, sources);
    transformPatch<kPatch>(sources, g.inputs, patches + t * g.inputs, inputStride, inputLine);
  }
  for (int p = 0; p < kProducts; ++p) {
    for (int64_t column = 0; column < g.outputs;) {
      const bool wide = isWide(column, g.outputs);
      const float* panel = filters.at(p, column);
      for (int64_t t = 0; t < count; t += kRows) {
        const float* left = patches + p * inputStride + t * g.inputs;
        float* out = products + p * outputStride + t * g.outputs + column;
        if (wide) {
          multiplyBlock<kWide, false>(left, g.inputs, 1, panel, kPanel, g.inputs, out, g.outputs);
        } else {
          multiplyBlock<1, false>(left, g.inputs, 1, panel, kLanes, g.inputs, out, g.outputs);
        }
      }
      column += wide ? kPanel : kLanes;
    }
  }
  for (int64_t t = 0; t < count; ++t) {
    const Tiling::Place place = tiling.at(first + t);
    const int64_t rows = std::min<int64_t>(kTile, g.height - place.y);
    const int64_t columns = std::min<int64_t>(kTile, g.width - place.x);
    float* tile = y + ((place.image * g.height + place.y) * g.width + place.x) * g.outputs;
    for (int64_t c = 0; c < g.outputs; c += kLanes) {
      Vector values[kProducts], out[kTile * kTile];
      const float* from = products + t * g.outputs + c;
      for (int p = 0; p < kProducts; ++p) values[p] = load(from + p * outputStride);
      transformProducts<kTile>(values, out);
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j) {
          store(tile + (i * g.width + j) * g.outputs + c, out[i * kTile + j]);
        }
      }
    }
  }
}

void convolve(const Geometry& g, Direction direction, const float* x, const float* filter,
              float* y) {
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const Filters filters(g, direction, filter, shared().of(Filters::size(g)));
  const Tiling tiling(g);
  const int64_t block = blockTiles(g);
  Phase transforming(g.inputs), multiplying((tiling.count + block - 1) / block);
  team.run([&] {
    transforming.run([&](int64_t input) { filters.transform(input); });
    multiplying.run([&](int64_t index) {
      convolveBlock(g, tiling, filters, x, y, index * block, block);
    });
  });
}

/** Tiles from `first` to before `last`. */
struct Range {
  int64_t first, last;
};

/** Tiles between two passes over the sums, which do not stay in the second-level cache. */
constexpr int64_t kGradientBlock = 128;

/** Adds the products of a range of tiles up, as 16 matrices [inputs, outputs] at `sums`. */
void addProducts(const Geometry& g, const Tiling& tiling, const float* x, const float* dy,
                 Range range, float* sums) {
  const int64_t block = std::min(kGradientBlock, range.last - range.first);
  const int64_t inputStride = block * g.inputs + kGap, outputStride = block * g.outputs + kGap;
  float* patches = scratch.of(kProducts * (inputStride + outputStride));
  float* slopes = patches + kProducts * inputStride;
  const float* zeros = zerosFor(std::max(g.inputs, g.outputs));
  for (int64_t first = range.first; first < range.last; first += block) {
    const int64_t count = std::min(block, range.last - first);
    for (int64_t t = 0; t < count; ++t) {
      const float* sources[kProducts];
      const Tiling::Place place = tiling.at(first + t);
      locate<kPatch>(tiling, place, -1, x, g.inputs, zeros, sources);
      transformPatch<kPatch>(sources, g.inputs, patches + t * g.inputs, inputStride, inputLine);
      locate<kTile>(tiling, place, 0, dy, g.outputs, zeros, sources);
      transformPatch<kTile>(sources, g.outputs, slopes + t * g.outputs, outputStride, slopeLine);
    }
    for (int p = 0; p < kProducts; ++p) {
      for (int64_t column = 0; column < g.outputs;) {
        const bool wide = isWide(column, g.outputs);
        for (int64_t c = 0; c < g.inputs; c += kRows) {
          const float* left = patches + p * inputStride + c;
          const float* right = slopes + p * outputStride + column;
          float* out = sums + (p * g.inputs + c) * g.outputs + column;
          const auto multiply =
              wide ? (first == range.first ? multiplyBlock<kWide, false> : multiplyBlock<kWide, true>)
                   : (first == range.first ? multiplyBlock<1, false> : multiplyBlock<1, true>);
          multiply(left, 1, g.inputs, right, g.outputs, count, out, g.outputs);
        }
        column += wide ? kPanel : kLanes;
      }
    }
  }
}

/** Sums of the parts, in order, transformed to the gradient of the filters of one input channel. */
void finishGradient(const Geometry& g, const float* sums, int64_t parts, int64_t input,
                    float* dFilter) {
  const int64_t size = Filters::size(g);
  for (int64_t k = 0; k < g.outputs; k += kLanes) {
    Vector products[kProducts], out[9];
    for (int p = 0; p < kProducts; ++p) {
      const float* from = sums + (p * g.inputs + input) * g.outputs + k;
      products[p] = load(from);
      for (int64_t part = 1; part < parts; ++part) products[p] += load(from + part * size);
    }
    transformProducts<3>(products, out);
    for (int tap = 0; tap < 9; ++tap) {
      store(dFilter + (tap * g.inputs + input) * g.outputs + k, out[tap]);
    }
  }
}

/**
 * Parts that are summed up apart, whoever does them: their number depends on the shapes alone, so
 * that the result does not depend on the threads. Large filters have fewer, since each part has sums
 * of its own to write and read.
 */
int64_t partsOf(const Geometry& g, const Tiling& tiling) {
  return std::min<int64_t>(g.inputs * g.outputs > 2048 ? 4 : 8, tiling.count);
}

void filterGradient(const Geometry& g, const float* x, const float* dy, float* dFilter) {
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const Tiling tiling(g);
  const int64_t parts = partsOf(g, tiling), size = Filters::size(g);
  float* sums = shared().of(parts * size);
  Phase adding(parts), finishing(g.inputs);
  team.run([&] {
    adding.run([&](int64_t part) {
      const Range range{tiling.count * part / parts, tiling.count * (part + 1) / parts};
      addProducts(g, tiling, x, dy, range, sums + part * size);
    });
    finishing.run([&](int64_t input) { finishGradient(g, sums, parts, input, dFilter); });
  });
}

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {convolve, filterGradient};

}  // namespace kdx::KDX_ISA
