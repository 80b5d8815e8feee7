#include "operation.h"

#include <cstdio>
#include <cstdlib>

namespace kdx {

Isa isa() {
  static const Isa best = [] {
    const char* text = std::getenv("KDX_ISA");
    const std::string limit = text == nullptr ? "avx512" : text;
    const bool has256 = __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2");
    const bool has512 = has256 && __builtin_cpu_supports("avx512f");
    if (has512 && limit == "avx512") return Isa::kAvx512;
    return has256 && limit != "portable" ? Isa::kAvx2 : Isa::kPortable;
  }();
  return best;
}

Call::Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {
  for (int index = 0; index < TF_NumInputs(context); ++index) {
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context, index, &tensor, status_);
    inputs_.emplace_back(tensor);
    shapes_.push_back(dimensionsOf(tensor));
  }
}

bool Call::expect(bool condition, const char* message) {
  if (condition) return true;
  TF_SetStatus(status_, TF_INVALID_ARGUMENT, message);
  TF_OpKernelContext_Failure(context_, status_);
  return false;
}

float* Call::output(int index, const Dimensions& shape) {
  size_t bytes = sizeof(float);
  for (const int64_t size : shape) bytes *= static_cast<size_t>(size);
  const int rank = static_cast<int>(shape.size());
  const Tensor tensor(
      TF_AllocateOutput(context_, index, TF_FLOAT, shape.data(), rank, bytes, status_));
  if (TF_GetCode(status_) == TF_OK) return static_cast<float*>(TF_TensorData(tensor));
  TF_OpKernelContext_Failure(context_, status_);
  return nullptr;
}

Timer::~Timer() {
  static const char* verbose = std::getenv("KDX_VERBOSE");
  if (verbose == nullptr || verbose[0] != '1') return;
  const std::chrono::duration<double, std::milli> taken = Clock::now() - start_;
  std::printf("kdx_verbose,v1,primitive,exec,cpu,%s,%s,%s,%g\n", kind_, implementation_, direction_,
              taken.count());
  std::fflush(stdout);
}

void inferNothing(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

void inferFirstInput(TF_ShapeInferenceContext* context, TF_Status* status) {
  const Shape shape(TF_NewShapeHandle());
  TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
}

void registerOperation(const Definition& definition, TF_Status* status) {
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(definition.name);
  for (const char* input : definition.inputs) TF_OpDefinitionBuilderAddInput(builder, input);
  for (const char* output : definition.outputs) TF_OpDefinitionBuilderAddOutput(builder, output);
  for (const char* attribute : definition.attributes) {
    TF_OpDefinitionBuilderAddAttr(builder, attribute);
  }
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, definition.infer);
  TF_RegisterOpDefinition(builder, status);
  if (TF_GetCode(status) != TF_OK) return;
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(definition.name, "CPU", definition.create,
                                                 definition.compute, definition.destroy);
  TF_RegisterKernelBuilder(definition.name, kernel, status);
}

}  // namespace kdx
