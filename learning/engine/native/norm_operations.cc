/** `KdxNorm` and `KdxNormGradient`: batch normalisation with the sum and the ReLU behind it. */
#include <algorithm>

#include "norm.h"
#include "operation.h"

namespace kdx {

namespace {

const NormKernels& kernels() {
  static const NormKernels& chosen =
      choose(portable::normKernels, avx2::normKernels, avx512::normKernels);
  return chosen;
}

/** Makes a Norm without its shape from the attributes of a node. */
void* readAttributes(TF_OpKernelConstruction* construction) {
  const Status status(TF_NewStatus());
  unsigned char training = 0, rectified = 0;
  auto* norm = new Norm{};
  TF_OpKernelConstruction_GetAttrBool(construction, "training", &training, status);
  TF_OpKernelConstruction_GetAttrBool(construction, "rectified", &rectified, status);
  TF_OpKernelConstruction_GetAttrFloat(construction, "epsilon", &norm->epsilon, status);
  TF_OpKernelConstruction_GetAttrFloat(construction, "momentum", &norm->momentum, status);
  norm->training = training != 0;
  norm->rectified = rectified != 0;
  return norm;
}

void freeAttributes(void* norm) { delete static_cast<Norm*>(norm); }

/** The Norm of a call, where `maps` is the input that is normalised. */
Norm normOf(const void* attributes, const Dimensions& maps) {
  Norm norm = *static_cast<const Norm*>(attributes);
  norm.channels = maps.back();
  norm.rows = 1;
  for (size_t i = 0; i + 1 < maps.size(); ++i) norm.rows *= maps[i];
  return norm;
}

/**
 * Whether inputs from `first` to before `last` are as large as `maps`, and those from there on, to
 * before `end`, have a value for each of its channels. An addend asks for a ReLU behind it.
 */
bool expectShapes(Call& call, const void* attributes, const Dimensions& maps, int vectors,
                  int vectorsEnd) {
  bool fits = maps.size() == 4 && std::find(maps.begin(), maps.end(), 0) == maps.end();
  for (int input = 0; fits && input < call.inputs(); ++input) {
    const bool isVector = input >= vectors && input < vectorsEnd;
    fits = call.shape(input) == (isVector ? Dimensions{maps.back()} : maps);
  }
  const int addends = call.inputs() - vectorsEnd;
  fits = fits && (addends == 0 || (addends == 1 && static_cast<const Norm*>(attributes)->rectified));
  return call.expect(fits,
                     "expects maps [N, H, W, channels], parameters [channels], and an addend as "
                     "large as the maps only in front of a ReLU");
}

void normalise(void* attributes, TF_OpKernelContext* context) {
  constexpr int kVectors = 1, kVectorsEnd = 5;
  Call call(context);
  const Dimensions& maps = call.shape(0);
  if (!expectShapes(call, attributes, maps, kVectors, kVectorsEnd)) return;
  const Norm norm = normOf(attributes, maps);
  NormForward data{};
  data.x = call.data(0);
  data.gamma = call.data(1);
  data.beta = call.data(2);
  data.mean = call.data(3);
  data.variance = call.data(4);
  data.addend = call.inputs() > kVectorsEnd ? call.data(kVectorsEnd) : nullptr;
  data.y = call.output(0, maps);
  int index = 1;
  bool hasAll = data.y != nullptr;
  for (float** output : {&data.nextMean, &data.nextVariance, &data.centre, &data.inverse}) {
    if (hasAll) *output = call.output(index++, {norm.channels});
    hasAll = hasAll && *output != nullptr;
  }
  if (!hasAll) return;
  const Timer timer("batch_normalization", "kdx", "forward_training");
  kernels().forward(norm, data);
}

void gradient(void* attributes, TF_OpKernelContext* context) {
  constexpr int kVectors = 2, kVectorsEnd = 6;
  Call call(context);
  const Dimensions& maps = call.shape(0);
  if (!expectShapes(call, attributes, maps, kVectors, kVectorsEnd)) return;
  const Norm norm = normOf(attributes, maps);
  const bool hasAddend = call.inputs() > kVectorsEnd;
  NormBackward data{};
  data.dy = call.data(0);
  data.x = call.data(1);
  data.gamma = call.data(2);
  data.beta = call.data(3);
  data.centre = call.data(4);
  data.inverse = call.data(5);
  data.y = hasAddend ? call.data(kVectorsEnd) : nullptr;
  data.dx = call.output(0, maps);
  data.dGamma = data.dx == nullptr ? nullptr : call.output(1, {norm.channels});
  data.dBeta = data.dGamma == nullptr ? nullptr : call.output(2, {norm.channels});
  if (data.dBeta == nullptr) return;
  data.dAddend = hasAddend ? call.output(3, maps) : nullptr;
  if (hasAddend && data.dAddend == nullptr) return;
  const Timer timer("batch_normalization", "kdx", "backward");
  kernels().backward(norm, data);
}

/** Outputs from `begin` to before `end` are as large as an input. */
void inferLike(TF_ShapeInferenceContext* context, int input, int begin, int end, TF_Status* status) {
  const Shape shape(TF_NewShapeHandle());
  TF_ShapeInferenceContextGetInput(context, input, shape, status);
  for (int output = begin; output < end && TF_GetCode(status) == TF_OK; ++output) {
    TF_ShapeInferenceContextSetOutput(context, output, shape, status);
  }
}

void inferForward(TF_ShapeInferenceContext* context, TF_Status* status) {
  inferLike(context, 0, 0, 1, status);
  inferLike(context, 1, 1, 5, status);
}

void inferGradient(TF_ShapeInferenceContext* context, TF_Status* status) {
  inferLike(context, 0, 0, 1, status);
  inferLike(context, 2, 1, 3, status);
  if (TF_ShapeInferenceContextNumInputs(context) > 6) inferLike(context, 0, 3, 4, status);
}

}  // namespace

std::vector<Definition> normOperations() {
  const std::vector<const char*> attributes = {"training: bool", "rectified: bool",
                                               "epsilon: float", "momentum: float",
                                               "N: int >= 0"};
  return {
      {"KdxNorm",
       {"x: float", "gamma: float", "beta: float", "mean: float", "variance: float",
        "addends: N * float"},
       {"y: float", "next_mean: float", "next_variance: float", "centre: float", "inverse: float"},
       attributes, inferForward, normalise, readAttributes, freeAttributes},
      {"KdxNormGradient",
       {"dy: float", "x: float", "gamma: float", "beta: float", "centre: float", "inverse: float",
        "outputs: N * float"},
       {"dx: float", "d_gamma: float", "d_beta: float", "d_addends: N * float"},
       attributes, inferGradient, gradient, readAttributes, freeAttributes},
  };
}

}  // namespace kdx
