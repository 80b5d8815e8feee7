/** `KdxDepthwise` and its gradients: 3 × 3, one filter a channel, a margin of one zero. */
#include "depthwise.h"
#include "operation.h"

namespace kdx {

namespace {

const DepthwiseKernels& kernels() {
  static const DepthwiseKernels& chosen = choose(
      portable::depthwiseKernels, avx2::depthwiseKernels, avx512::depthwiseKernels);
  return chosen;
}

void* readStride(TF_OpKernelConstruction* construction) {
  const Status status(TF_NewStatus());
  auto* stride = new int64_t{1};
  TF_OpKernelConstruction_GetAttrInt64(construction, "stride", stride, status);
  return stride;
}

void freeStride(void* stride) { delete static_cast<int64_t*>(stride); }

/** The convolution of a call, whose first input are the maps. */
Depthwise geometryOf(const void* stride, const Dimensions& maps) {
  if (maps.size() != 4) return {};
  return {maps[0], maps[1], maps[2], maps[3], *static_cast<const int64_t*>(stride)};
}

/** Whether there are maps, and the inputs `filter` and `slopes`, where not −1, fit them. */
bool expectShapes(Call& call, const Depthwise& g, int filter, int slopes) {
  bool fits = g.stride > 0 && g.batch * g.height * g.width * g.channels > 0;
  fits = fits && (filter < 0 || call.shape(filter) == Dimensions{3, 3, 1, g.channels});
  const auto outputs = [&] { return Dimensions{g.batch, g.rowsOut(), g.columnsOut(), g.channels}; };
  fits = fits && (slopes < 0 || call.shape(slopes) == outputs());
  return call.expect(fits, "expects maps [N, H, W, channels] and a filter [3, 3, 1, channels]");
}

void forward(void* stride, TF_OpKernelContext* context) {
  Call call(context);
  const Depthwise g = geometryOf(stride, call.shape(0));
  if (!expectShapes(call, g, 1, -1)) return;
  float* y = call.output(0, {g.batch, g.rowsOut(), g.columnsOut(), g.channels});
  if (y == nullptr) return;
  const Timer timer("convolution", "depthwise", "forward_training");
  kernels().forward(g, call.data(0), call.data(1), y);
}

/** Of `x` the gradient has the shape alone. */
void inputGradient(void* stride, TF_OpKernelContext* context) {
  Call call(context);
  const Depthwise g = geometryOf(stride, call.shape(0));
  if (!expectShapes(call, g, 1, 2)) return;
  float* dx = call.output(0, call.shape(0));
  if (dx == nullptr) return;
  const Timer timer("convolution", "depthwise", "backward_data");
  kernels().inputGradient(g, call.data(2), call.data(1), dx);
}

void filterGradient(void* stride, TF_OpKernelContext* context) {
  Call call(context);
  const Depthwise g = geometryOf(stride, call.shape(0));
  if (!expectShapes(call, g, -1, 1)) return;
  float* dFilter = call.output(0, {3, 3, 1, g.channels});
  if (dFilter == nullptr) return;
  const Timer timer("convolution", "depthwise", "backward_weights");
  kernels().filterGradient(g, call.data(0), call.data(1), dFilter);
}

}  // namespace

std::vector<Definition> depthwiseOperations() {
  const std::vector<const char*> attributes = {"stride: int >= 1"};
  return {
      {"KdxDepthwise", {"x: float", "filter: float"}, {"y: float"}, attributes, inferNothing,
       forward, readStride, freeStride},
      {"KdxDepthwiseInputGradient", {"x: float", "filter: float", "dy: float"}, {"dx: float"},
       attributes, inferFirstInput, inputGradient, readStride, freeStride},
      {"KdxDepthwiseFilterGradient", {"x: float", "dy: float"}, {"d_filter: float"}, attributes,
       inferNothing, filterGradient, readStride, freeStride},
  };
}

}  // namespace kdx
