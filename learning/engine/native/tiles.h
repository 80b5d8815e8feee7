/** How maps are cut into tiles. */
#pragma once

#include "transforms.h"
#include "winograd.h"

namespace kdx::KDX_ISA {

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

}  // namespace kdx::KDX_ISA
