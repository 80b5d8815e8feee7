/** Rows cut into bands that whoever comes works on. */
#pragma once

#include <algorithm>
#include <cstdint>

#include "team.h"

namespace kdx::KDX_ISA {

/**
 * Rows in bands of at least `least`, of a multiple of `unit` rows each but for the last: by shapes
 * alone, so that no result depends on the threads.
 */
struct Bands {
  Bands(int64_t rows, int64_t least, int64_t unit = 1)
      : rows(rows),
        perBand((std::max<int64_t>(least, 1) + unit - 1) / unit * unit),
        count(std::max<int64_t>(rows / perBand, 1)) {}
  int64_t begin(int64_t band) const { return band * perBand; }
  /** The last band has what is left over. */
  int64_t end(int64_t band) const { return band + 1 == count ? rows : (band + 1) * perBand; }

  int64_t rows, perBand, count;
};

/** Runs `job` by the team, or alone where there is too little to share. */
template <typename Job>
void runJob(Team& team, int64_t tasks, const Job& job) {
  if (tasks <= 1) {
    job();
  } else {
    team.run(job);
  }
}

}  // namespace kdx::KDX_ISA
