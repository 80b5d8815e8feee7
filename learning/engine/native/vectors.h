/** Registers of KDX_LANES floats, and the memory they are loaded from. */
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace kdx::KDX_ISA {

constexpr int kLanes = KDX_LANES;

typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));
/** One that may stand at any address of a float. */
typedef float Loose __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

inline Vector load(const float* from) { return *reinterpret_cast<const Loose*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<Loose*>(to) = value; }

/** Memory that grows and is kept, aligned to pages; zero at first. */
class Buffer {
 public:
  float* of(int64_t floats) {
    if (floats > size_) {
      const size_t bytes = (static_cast<size_t>(floats) * sizeof(float) + 4095) / 4096 * 4096;
      memory_.reset(static_cast<float*>(std::aligned_alloc(4096, bytes)));
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

}  // namespace kdx::KDX_ISA
