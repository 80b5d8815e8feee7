/**
 * TensorFlow operations around the kernels, registered through its C interface when Node loads this
 * library as an addon: `KdxConvolution`, `KdxInputGradient`, `KdxFilterGradient`.
 */
#include <node_api.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"
#include "winograd.h"

namespace kdx {

namespace {

/**
 * The best kernels of those that the processor can run; of no more than KDX_ISA, where a test asks
 * for others.
 */
const Kernels& choose() {
  const char* text = std::getenv("KDX_ISA");
  const std::string limit = text == nullptr ? "avx512" : text;
  const bool has256 = __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2");
  const bool has512 = has256 && __builtin_cpu_supports("avx512f");
  if (has512 && limit == "avx512") return avx512::kernels;
  if (has256 && limit != "portable") return avx2::kernels;
  return portable::kernels;
}

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

/** A TensorFlow object that is freed at the end of a scope. */
template <typename T, void (*kFree)(T*)>
struct Owned {
  explicit Owned(T* value) : value(value) {}
  ~Owned() {
    if (value != nullptr) kFree(value);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  operator T*() const { return value; }
  T* value;
};
using Status = Owned<TF_Status, TF_DeleteStatus>;
using Tensor = Owned<TF_Tensor, TF_DeleteTensor>;
using Shape = Owned<TF_ShapeHandle, TF_DeleteShapeHandle>;

using Dimensions = std::array<int64_t, 4>;

/** One call of a kernel: two inputs of rank 4, one output. */
class Call {
 public:
  explicit Call(TF_OpKernelContext* context)
      : context_(context), status_(TF_NewStatus()), first_(input(0)), second_(input(1)) {}

  Dimensions first() const { return dimensionsOf(first_); }
  Dimensions second() const { return dimensionsOf(second_); }
  const float* firstData() const { return static_cast<const float*>(TF_TensorData(first_)); }
  const float* secondData() const { return static_cast<const float*>(TF_TensorData(second_)); }

  /** Whether the inputs are what the kernels expect; otherwise the operation has failed. */
  bool accepts(bool condition) {
    const bool hasMaps = TF_NumDims(first_) == 4 && TF_NumDims(second_) == 4;
    if (condition && hasMaps && TF_TensorElementCount(first_) > 0) return true;
    fail(TF_INVALID_ARGUMENT,
         "expects maps [N, H, W, channels], a 3 x 3 filter, and multiples of 16 channels");
    return false;
  }

  /** Memory of the output, or null where there is none: the operation has failed then. */
  float* output(const Dimensions& shape) {
    const size_t bytes = sizeof(float) * shape[0] * shape[1] * shape[2] * shape[3];
    const Tensor tensor(
        TF_AllocateOutput(context_, 0, TF_FLOAT, shape.data(), 4, bytes, status_));
    if (TF_GetCode(status_) == TF_OK) return static_cast<float*>(TF_TensorData(tensor));
    TF_OpKernelContext_Failure(context_, status_);
    return nullptr;
  }

 private:
  TF_Tensor* input(int index) {
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_);
    return tensor;
  }

  static Dimensions dimensionsOf(const TF_Tensor* tensor) {
    Dimensions shape{};
    for (int i = 0; i < 4 && i < TF_NumDims(tensor); ++i) shape[i] = TF_Dim(tensor, i);
    return shape;
  }

  void fail(TF_Code code, const char* message) {
    TF_SetStatus(status_, code, message);
    TF_OpKernelContext_Failure(context_, status_);
  }

  TF_OpKernelContext* context_;
  Status status_;
  Tensor first_;
  Tensor second_;
};

/**
 * With KDX_VERBOSE=1, a line on stdout for each operation when it ends, as oneDNN writes them with
 * ONEDNN_VERBOSE=1.
 */
class Timer {
 public:
  explicit Timer(const char* direction) : direction_(direction) {}
  ~Timer() {
    static const char* verbose = std::getenv("KDX_VERBOSE");
    if (verbose == nullptr || verbose[0] != '1') return;
    const std::chrono::duration<double, std::milli> taken = Clock::now() - start_;
    std::printf("kdx_verbose,v1,primitive,exec,cpu,convolution,winograd,%s,%g\n", direction_,
                taken.count());
    std::fflush(stdout);
  }

 private:
  using Clock = std::chrono::steady_clock;
  const char* direction_;
  const Clock::time_point start_ = Clock::now();
};

bool areChannels(int64_t a, int64_t b) { return a > 0 && b > 0 && a % 16 == 0 && b % 16 == 0; }

/** y from x and filter, or dx from dy and filter. */
template <Direction kDirection>
void convolve(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto [batch, height, width, channels] = call.first();
  const auto [rows, columns, inputs, outputs] = call.second();
  const bool forward = kDirection == Direction::kForward;
  const int64_t from = forward ? inputs : outputs, to = forward ? outputs : inputs;
  if (!call.accepts(rows == 3 && columns == 3 && channels == from && areChannels(from, to))) return;
  float* out = call.output({batch, height, width, to});
  if (out == nullptr) return;
  const Geometry geometry{batch, height, width, from, to};
  const Timer timer(forward ? "forward_training" : "backward_data");
  kernels().convolve(geometry, kDirection, call.firstData(), call.secondData(), out);
}

/** dFilter from x and dy. */
void filterGradient(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto [batch, height, width, inputs] = call.first();
  const auto [otherBatch, otherHeight, otherWidth, outputs] = call.second();
  const bool same = batch == otherBatch && height == otherHeight && width == otherWidth;
  if (!call.accepts(same && areChannels(inputs, outputs))) return;
  float* out = call.output({3, 3, inputs, outputs});
  if (out == nullptr) return;
  const Geometry geometry{batch, height, width, inputs, outputs};
  const Timer timer("backward_weights");
  kernels().filterGradient(geometry, call.firstData(), call.secondData(), out);
}

/** Dimensions `from` to before `to` of an input, behind `head`. */
void appendDimensions(TF_ShapeInferenceContext* context, int input, int64_t from, int64_t to,
                      TF_ShapeHandle* head, TF_Status* status) {
  const Shape whole(TF_NewShapeHandle()), part(TF_NewShapeHandle());
  TF_ShapeInferenceContextGetInput(context, input, whole, status);
  if (TF_GetCode(status) != TF_OK) return;
  TF_ShapeInferenceContextWithRank(context, whole, 4, whole, status);
  if (TF_GetCode(status) != TF_OK) return;
  TF_ShapeInferenceContextSubshape(context, whole, from, to, part, status);
  if (TF_GetCode(status) != TF_OK) return;
  TF_ShapeInferenceContextConcatenateShapes(context, head, part, head, status);
}

/** Maps as the first input has them, with channels by dimension `kChannels` of the filter. */
template <int kChannels>
void inferMaps(TF_ShapeInferenceContext* context, TF_Status* status) {
  const Shape shape(TF_ShapeInferenceContextScalar(context));
  appendDimensions(context, 0, 0, 3, shape, status);
  if (TF_GetCode(status) != TF_OK) return;
  appendDimensions(context, 1, kChannels, kChannels + 1, shape, status);
  if (TF_GetCode(status) != TF_OK) return;
  TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
}

void inferFilter(TF_ShapeInferenceContext* context, TF_Status* status) {
  const Shape shape(TF_ShapeInferenceContextVectorFromSize(context, 3));
  const Shape three(TF_ShapeInferenceContextVectorFromSize(context, 3));
  TF_ShapeInferenceContextConcatenateShapes(context, shape, three, shape, status);
  for (int input = 0; input < 2 && TF_GetCode(status) == TF_OK; ++input) {
    appendDimensions(context, input, 3, 4, shape, status);
  }
  if (TF_GetCode(status) != TF_OK) return;
  TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
}

using Infer = void (*)(TF_ShapeInferenceContext*, TF_Status*);
using Compute = void (*)(void*, TF_OpKernelContext*);

/** Tells TensorFlow of an operation on float32 with two inputs and one output. */
void registerOperation(const char* name, std::array<const char*, 2> inputs, Infer infer,
                       Compute compute, TF_Status* status) {
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(name);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(builder, input);
  TF_OpDefinitionBuilderAddOutput(builder, "output: float");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, infer);
  TF_RegisterOpDefinition(builder, status);
  if (TF_GetCode(status) != TF_OK) return;
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(name, "CPU", nullptr, compute, nullptr);
  TF_RegisterKernelBuilder(name, kernel, status);
}

struct Definition {
  const char* name;
  std::array<const char*, 2> inputs;
  Infer infer;
  Compute compute;
};
constexpr std::array<Definition, 3> kDefinitions = {{
    {"KdxConvolution", {"x: float", "filter: float"}, inferMaps<3>, convolve<Direction::kForward>},
    {"KdxInputGradient", {"dy: float", "filter: float"}, inferMaps<2>,
     convolve<Direction::kBackward>},
    {"KdxFilterGradient", {"x: float", "dy: float"}, inferFilter, filterGradient},
}};

/** Registers all operations; gives what TensorFlow has against it, or nothing. */
std::string registerAll() {
  const Status status(TF_NewStatus());
  for (const auto& [name, inputs, infer, compute] : kDefinitions) {
    registerOperation(name, inputs, infer, compute, status);
    if (TF_GetCode(status) != TF_OK) return std::string(name) + ": " + TF_Message(status);
  }
  return "";
}

/**
 * Runs when an isolate loads the addon; TensorFlow is told once a process. Exports `sources`, the
 * digest of the sources of this build. An exception in JavaScript where TensorFlow refuses.
 */
napi_value start(napi_env environment, napi_value exports) {
  static const std::string refusal = registerAll();
  if (!refusal.empty()) {
    napi_throw_error(environment, nullptr, refusal.c_str());
    return nullptr;
  }
  napi_value sources = nullptr;
  napi_create_string_utf8(environment, KDX_SOURCES, NAPI_AUTO_LENGTH, &sources);
  napi_set_named_property(environment, exports, "sources", sources);
  return exports;
}

}  // namespace
}  // namespace kdx

NAPI_MODULE(kdx_kernels, kdx::start)
