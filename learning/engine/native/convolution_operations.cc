/** `KdxConvolution`, `KdxInputGradient` and `KdxFilterGradient`: 3 × 3, stride 1, SAME padding. */
#include "operation.h"
#include "winograd.h"

namespace kdx {

namespace {

const Kernels& kernels() {
  static const Kernels& chosen = choose(portable::kernels, avx2::kernels, avx512::kernels);
  return chosen;
}

bool areChannels(int64_t a, int64_t b) { return a > 0 && b > 0 && a % 16 == 0 && b % 16 == 0; }

/** Whether both inputs have rank 4, the first some values, and `accepts` says yes. */
template <typename Accepts>
bool expectMaps(Call& call, const Accepts& accepts) {
  const auto isMap = [&](int input) {
    const Dimensions& shape = call.shape(input);
    return shape.size() == 4 && shape[0] * shape[1] * shape[2] * shape[3] > 0;
  };
  return call.expect(
      isMap(0) && call.shape(1).size() == 4 && accepts(call.shape(0), call.shape(1)),
      "expects maps [N, H, W, channels], a 3 x 3 filter, and multiples of 16 channels");
}

/** y from x and filter, or dx from dy and filter. */
template <Direction kDirection>
void convolve(void*, TF_OpKernelContext* context) {
  constexpr bool kForward = kDirection == Direction::kForward;
  constexpr int kFrom = kForward ? 2 : 3, kTo = kForward ? 3 : 2;
  Call call(context);
  const auto accepts = [](const Dimensions& maps, const Dimensions& filter) {
    return filter[0] == 3 && filter[1] == 3 && maps[3] == filter[kFrom] &&
           areChannels(filter[kFrom], filter[kTo]);
  };
  if (!expectMaps(call, accepts)) return;
  const Dimensions& maps = call.shape(0);
  const Geometry geometry{maps[0], maps[1], maps[2], maps[3], call.shape(1)[kTo]};
  float* out = call.output(0, {maps[0], maps[1], maps[2], geometry.outputs});
  if (out == nullptr) return;
  const Timer timer("convolution", "winograd", kForward ? "forward_training" : "backward_data");
  kernels().convolve(geometry, kDirection, call.data(0), call.data(1), out);
}

/** dFilter from x and dy. */
void filterGradient(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto accepts = [](const Dimensions& x, const Dimensions& dy) {
    return x[0] == dy[0] && x[1] == dy[1] && x[2] == dy[2] && areChannels(x[3], dy[3]);
  };
  if (!expectMaps(call, accepts)) return;
  const Dimensions& maps = call.shape(0);
  const Geometry geometry{maps[0], maps[1], maps[2], maps[3], call.shape(1)[3]};
  float* out = call.output(0, {3, 3, geometry.inputs, geometry.outputs});
  if (out == nullptr) return;
  const Timer timer("convolution", "winograd", "backward_weights");
  kernels().filterGradient(geometry, call.data(0), call.data(1), out);
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

}  // namespace

std::vector<Definition> convolutionOperations() {
  return {
      {"KdxConvolution", {"x: float", "filter: float"}, {"y: float"}, {}, inferMaps<3>,
       convolve<Direction::kForward>},
      {"KdxInputGradient", {"dy: float", "filter: float"}, {"dx: float"}, {}, inferMaps<2>,
       convolve<Direction::kBackward>},
      {"KdxFilterGradient", {"x: float", "dy: float"}, {"d_filter: float"}, {}, inferFilter,
       filterGradient},
  };
}

}  // namespace kdx
