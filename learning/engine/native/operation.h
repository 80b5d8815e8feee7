/** What our operations need of TensorFlow's C interface. */
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

namespace kdx {

/** A TensorFlow object that is freed at the end of a scope. */
template <typename T, void (*kFree)(T*)>
struct Owned {
  explicit Owned(T* value) : value(value) {}
  ~Owned() {
    if (value != nullptr) kFree(value);
  }
  Owned(Owned&& other) : value(other.value) { other.value = nullptr; }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  operator T*() const { return value; }
  T* value;
};
using Status = Owned<TF_Status, TF_DeleteStatus>;
using Tensor = Owned<TF_Tensor, TF_DeleteTensor>;
using Shape = Owned<TF_ShapeHandle, TF_DeleteShapeHandle>;

using Dimensions = std::vector<int64_t>;

inline Dimensions dimensionsOf(const TF_Tensor* tensor) {
  Dimensions shape(TF_NumDims(tensor));
  for (size_t i = 0; i < shape.size(); ++i) shape[i] = TF_Dim(tensor, static_cast<int>(i));
  return shape;
}

/** One call of an operation: inputs and outputs of float32. */
class Call {
 public:
  explicit Call(TF_OpKernelContext* context);

  int inputs() const { return static_cast<int>(inputs_.size()); }
  const Dimensions& shape(int input) const { return shapes_[input]; }
  const float* data(int input) const {
    return static_cast<const float*>(TF_TensorData(inputs_[input]));
  }

  /** Whether a condition on the inputs holds; otherwise the operation has failed with `message`. */
  bool expect(bool condition, const char* message);

  /** Memory of an output, or null where there is none: the operation has failed then. */
  float* output(int index, const Dimensions& shape);

 private:
  TF_OpKernelContext* context_;
  Status status_;
  std::vector<Tensor> inputs_;
  std::vector<Dimensions> shapes_;
};

/**
 * With KDX_VERBOSE=1, a line on stdout for each operation when it ends, as oneDNN writes them with
 * ONEDNN_VERBOSE=1.
 */
class Timer {
 public:
  Timer(const char* kind, const char* implementation, const char* direction)
      : kind_(kind), implementation_(implementation), direction_(direction) {}
  ~Timer();

 private:
  using Clock = std::chrono::steady_clock;
  const char *kind_, *implementation_, *direction_;
  const Clock::time_point start_ = Clock::now();
};

enum class Isa { kPortable, kAvx2, kAvx512 };

/**
 * The best set of instructions that the processor has; no better than KDX_ISA, where a test asks for
 * another.
 */
Isa isa();

/** The kernels for this processor, of those for each set of instructions. */
template <typename Kernels>
const Kernels& choose(const Kernels& portable, const Kernels& avx2, const Kernels& avx512) {
  switch (isa()) {
    case Isa::kAvx512:
      return avx512;
    case Isa::kAvx2:
      return avx2;
    default:
      return portable;
  }
}

using Infer = void (*)(TF_ShapeInferenceContext*, TF_Status*);
using Compute = void (*)(void*, TF_OpKernelContext*);

/** Shape inference where it takes an attribute, which is not to be had then: TensorFlow waits for it. */
void inferNothing(TF_ShapeInferenceContext* context, TF_Status* status);

/** An output as large as the first input. */
void inferFirstInput(TF_ShapeInferenceContext* context, TF_Status* status);

/** An operation for CPUs. Its parts are written as in TensorFlow's own definitions: `x: float`. */
struct Definition {
  const char* name;
  std::vector<const char*> inputs, outputs, attributes;
  Infer infer;
  Compute compute;
  /** Makes what `compute` gets from the attributes, and frees it. */
  void* (*create)(TF_OpKernelConstruction*) = nullptr;
  void (*destroy)(void*) = nullptr;
};

/** Tells TensorFlow of an operation. */
void registerOperation(const Definition& definition, TF_Status* status);

std::vector<Definition> convolutionOperations();
std::vector<Definition> normOperations();
std::vector<Definition> depthwiseOperations();
std::vector<Definition> groupedOperations();

}  // namespace kdx
