/** Compiled once for each set of instructions: KDX_ISA names it, KDX_LANES floats fill a register. */
#include "winograd.h"

#include <algorithm>

#include "filters.h"
#include "products.h"
#include "team.h"
#include "tiles.h"
#include "transforms.h"

namespace kdx::KDX_ISA {
namespace {

/** Each thread's own. */
thread_local Buffer scratch;

/** Zeros for every channel, wherever a patch reaches over the edge. */
const float* zerosFor(int64_t channels) {
  static thread_local Buffer zeros;
  return zeros.of(channels);
}

/** What all threads of an operation share; whoever has the team's turn may use it. */
Buffer& shared() {
  static Buffer* buffer = new Buffer;
  return *buffer;
}

/** Keeps the 16 matrices of a block off each other's cache sets. */
constexpr int64_t kGap = 16;

/** Transformed patches of some tiles, for inputs and outputs: 16 matrices [tiles, channels] each. */
struct Block {
  Block(const Geometry& g, int64_t tiles)
      : inputStride(tiles * g.inputs + kGap),
        outputStride(tiles * g.outputs + kGap),
        inputs(scratch.of(kProducts * (inputStride + outputStride))),
        outputs(inputs + kProducts * inputStride) {}

  const int64_t inputStride, outputStride;
  float* const inputs;
  float* const outputs;
};

/** Transforms the patches of `count` tiles from `first` on, where maps have `channels`. */
template <int kSize, typename Line>
void transformMaps(const Tiling& tiling, int64_t first, int64_t count, const float* maps,
                   int64_t channels, float* out, int64_t stride, const Line& line) {
  // A patch of inputs begins one above and one left of its tile.
  constexpr int kOffset = kSize == kPatch ? -1 : 0;
  const float* zeros = zerosFor(channels);
  for (int64_t t = 0; t < count; ++t) {
    const float* sources[kSize * kSize];
    locate<kSize>(tiling, tiling.at(first + t), kOffset, maps, channels, zeros, sources);
    transformPatch<kSize>(sources, channels, out + t * channels, stride, line);
  }
}

void transformInputs(const Geometry& g, const Tiling& tiling, int64_t first, int64_t count,
                     const float* x, const Block& block) {
  const auto line = [](const Vector* d, int step, Vector* out) { transformInput(d, step, out); };
  transformMaps<kPatch>(tiling, first, count, x, g.inputs, block.inputs, block.inputStride, line);
}

void transformSlopes(const Geometry& g, const Tiling& tiling, int64_t first, int64_t count,
                     const float* dy, const Block& block) {
  const auto line = [](const Vector* d, int step, Vector* out) {
    transformFilter<kTile>(d, step, out);
  };
  transformMaps<kTile>(tiling, first, count, dy, g.outputs, block.outputs, block.outputStride,
                       line);
}

/** The products of the patches of `count` tiles with all filters; rows come in groups of kRows. */
void multiplyFilters(const Geometry& g, const Filters& filters, int64_t count, const Block& block) {
  for (int p = 0; p < kProducts; ++p) {
    for (int64_t column = 0; column < g.outputs;) {
      const bool wide = isWide(column, g.outputs);
      const float* panel = filters.at(p, column);
      for (int64_t t = 0; t < count; t += kRows) {
        const float* left = block.inputs + p * block.inputStride + t * g.inputs;
        float* out = block.outputs + p * block.outputStride + t * g.outputs + column;
        // Called by name, so that the compiler knows the steps.
        if (wide) {
          multiplyBlock<kWide, false>(left, g.inputs, 1, panel, kPanel, g.inputs, out, g.outputs);
        } else {
          multiplyBlock<1, false>(left, g.inputs, 1, panel, kLanes, g.inputs, out, g.outputs);
        }
      }
      column += wide ? kPanel : kLanes;
    }
  }
}

/** Turns products into outputs and stores those that are within the map. */
void storeTile(const Geometry& g, Tiling::Place place, const float* products, int64_t stride,
               float* y) {
  const int64_t rows = std::min<int64_t>(kTile, g.height - place.y);
  const int64_t columns = std::min<int64_t>(kTile, g.width - place.x);
  float* tile = y + ((place.image * g.height + place.y) * g.width + place.x) * g.outputs;
  for (int64_t c = 0; c < g.outputs; c += kLanes) {
    Vector values[kProducts], out[kTile * kTile];
    for (int p = 0; p < kProducts; ++p) values[p] = load(products + p * stride + c);
    transformProducts<kTile>(values, out);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        store(tile + (i * g.width + j) * g.outputs + c, out[i * kTile + j]);
      }
    }
  }
}

/** Bytes that a block may take: half of a core's second-level cache. */
constexpr int64_t kBlockBytes = 512 * 1024;

/** Tiles of a block, a multiple of kRows. */
int64_t blockTiles(const Geometry& g) {
  const int64_t bytes = kProducts * (g.inputs + g.outputs) * static_cast<int64_t>(sizeof(float));
  return std::clamp<int64_t>(kBlockBytes / bytes, 16, 128) / kRows * kRows;
}

void convolve(const Geometry& g, Direction direction, const float* x, const float* filter,
              float* y) {
  Team& team = Team::instance();
  const std::lock_guard<std::mutex> turn(team.turn());
  const Filters filters(g, direction, filter, shared().of(Filters::size(g)));
  const Tiling tiling(g);
  const int64_t tiles = blockTiles(g);
  Phase transforming(g.inputs), multiplying((tiling.count + tiles - 1) / tiles);
  team.run([&] {
    transforming.run([&](int64_t input) { filters.transform(input); });
    multiplying.run([&](int64_t index) {
      const Block block(g, tiles);
      const int64_t first = index * tiles, count = std::min(tiles, tiling.count - first);
      transformInputs(g, tiling, first, count, x, block);
      multiplyFilters(g, filters, count, block);
      for (int64_t t = 0; t < count; ++t) {
        const float* products = block.outputs + t * g.outputs;
        storeTile(g, tiling.at(first + t), products, block.outputStride, y);
      }
    });
  });
}

/** Adds the products of inputs and slopes over `count` tiles to the sums, or starts them. */
template <bool kAdd>
void multiplySlopes(const Geometry& g, int64_t count, const Block& block, float* sums) {
  for (int p = 0; p < kProducts; ++p) {
    for (int64_t column = 0; column < g.outputs;) {
      const bool wide = isWide(column, g.outputs);
      const auto multiply = wide ? multiplyBlock<kWide, kAdd> : multiplyBlock<1, kAdd>;
      const float* right = block.outputs + p * block.outputStride + column;
      for (int64_t c = 0; c < g.inputs; c += kRows) {
        const float* left = block.inputs + p * block.inputStride + c;
        float* out = sums + (p * g.inputs + c) * g.outputs + column;
        multiply(left, 1, g.inputs, right, g.outputs, count, out, g.outputs);
      }
      column += wide ? kPanel : kLanes;
    }
  }
}

/** Tiles between two passes over the sums, which do not stay in the second-level cache. */
constexpr int64_t kGradientTiles = 128;

/** Adds up the products of the tiles from `begin` to before `end`: 16 matrices [inputs, outputs]. */
void sumProducts(const Geometry& g, const Tiling& tiling, const float* x, const float* dy,
                 int64_t begin, int64_t end, float* sums) {
  const int64_t tiles = std::min(kGradientTiles, end - begin);
  const Block block(g, tiles);
  for (int64_t first = begin; first < end; first += tiles) {
    const int64_t count = std::min(tiles, end - first);
    transformInputs(g, tiling, first, count, x, block);
    transformSlopes(g, tiling, first, count, dy, block);
    const auto multiply = first == begin ? multiplySlopes<false> : multiplySlopes<true>;
    multiply(g, count, block, sums);
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
  Phase summing(parts), finishing(g.inputs);
  team.run([&] {
    summing.run([&](int64_t part) {
      const int64_t begin = tiling.count * part / parts, end = tiling.count * (part + 1) / parts;
      sumProducts(g, tiling, x, dy, begin, end, sums + part * size);
    });
    finishing.run([&](int64_t input) { finishGradient(g, sums, parts, input, dFilter); });
  });
}

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {convolve, filterGradient};

}  // namespace kdx::KDX_ISA
