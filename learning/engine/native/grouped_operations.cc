/** `KdxGrouped` and its gradients: 1 × 1 convolution in groups; `KdxShuffle`. */
#include "grouped.h"
#include "operation.h"

namespace kdx {

namespace {

const GroupedKernels& kernels() {
  static const GroupedKernels& chosen =
      choose(portable::groupedKernels, avx2::groupedKernels, avx512::groupedKernels);
  return chosen;
}

void* readGroups(TF_OpKernelConstruction* construction) {
  const Status status(TF_NewStatus());
  auto* groups = new int64_t{1};
  TF_OpKernelConstruction_GetAttrInt64(construction, "groups", groups, status);
  return groups;
}

void freeGroups(void* groups) { delete static_cast<int64_t*>(groups); }

int64_t groupsOf(const void* attributes) { return *static_cast<const int64_t*>(attributes); }

/** Maps and their channels, which come in groups. */
struct Maps {
  Maps(const Call& call, int input, int64_t groups) : shape(call.shape(input)) {
    isMaps = shape.size() == 4 && shape[0] * shape[1] * shape[2] > 0 && shape[3] > 0 &&
             shape[3] % groups == 0;
    if (!isMaps) return;
    rows = shape[0] * shape[1] * shape[2];
    channels = shape[3];
  }
  Dimensions withChannels(int64_t count) const { return {shape[0], shape[1], shape[2], count}; }

  const Dimensions& shape;
  bool isMaps = false;
  int64_t rows = 0, channels = 0;
};

bool expect(Call& call, bool condition) {
  return call.expect(condition,
                     "expects maps [N, H, W, channels], a filter [1, 1, inputs of a group, "
                     "outputs], and channels that the groups divide");
}

bool isFilter(const Dimensions& shape) {
  return shape.size() == 4 && shape[0] == 1 && shape[1] == 1 && shape[2] > 0 && shape[3] > 0;
}

void forward(void* attributes, TF_OpKernelContext* context) {
  Call call(context);
  const int64_t groups = groupsOf(attributes);
  const Maps x(call, 0, groups);
  const Dimensions& filter = call.shape(1);
  if (!expect(call, x.isMaps && isFilter(filter) && filter[2] * groups == x.channels &&
                        filter[3] % groups == 0)) {
    return;
  }
  float* y = call.output(0, x.withChannels(filter[3]));
  if (y == nullptr) return;
  const Timer timer("convolution", "grouped", "forward_training");
  const Grouped g{x.rows, groups, filter[2], filter[3] / groups};
  kernels().forward(g, call.data(0), call.data(1), y);
}

void inputGradient(void* attributes, TF_OpKernelContext* context) {
  Call call(context);
  const int64_t groups = groupsOf(attributes);
  const Maps dy(call, 0, groups);
  const Dimensions& filter = call.shape(1);
  if (!expect(call, dy.isMaps && isFilter(filter) && filter[3] == dy.channels)) return;
  float* dx = call.output(0, dy.withChannels(filter[2] * groups));
  if (dx == nullptr) return;
  const Timer timer("convolution", "grouped", "backward_data");
  const Grouped g{dy.rows, groups, filter[2], filter[3] / groups};
  kernels().inputGradient(g, call.data(0), call.data(1), dx);
}

void filterGradient(void* attributes, TF_OpKernelContext* context) {
  Call call(context);
  const int64_t groups = groupsOf(attributes);
  const Maps x(call, 0, groups), dy(call, 1, groups);
  if (!expect(call, x.isMaps && dy.isMaps && dy.shape == x.withChannels(dy.channels))) return;
  const Grouped g{x.rows, groups, x.channels / groups, dy.channels / groups};
  float* dFilter = call.output(0, {1, 1, g.inputs, dy.channels});
  if (dFilter == nullptr) return;
  const Timer timer("convolution", "grouped", "backward_weights");
  kernels().filterGradient(g, call.data(0), call.data(1), dFilter);
}

void shuffle(void* attributes, TF_OpKernelContext* context) {
  Call call(context);
  const int64_t groups = groupsOf(attributes);
  const Maps x(call, 0, groups);
  if (!expect(call, x.isMaps)) return;
  float* y = call.output(0, x.shape);
  if (y == nullptr) return;
  const Timer timer("shuffle", "kdx", "forward_training");
  kernels().shuffle(x.rows, x.channels, groups, call.data(0), y);
}

}  // namespace

std::vector<Definition> groupedOperations() {
  const std::vector<const char*> attributes = {"groups: int >= 1"};
  return {
      {"KdxGrouped", {"x: float", "filter: float"}, {"y: float"}, attributes, inferNothing, forward,
       readGroups, freeGroups},
      {"KdxGroupedInputGradient", {"dy: float", "filter: float"}, {"dx: float"}, attributes,
       inferNothing, inputGradient, readGroups, freeGroups},
      {"KdxGroupedFilterGradient", {"x: float", "dy: float"}, {"d_filter: float"}, attributes,
       inferNothing, filterGradient, readGroups, freeGroups},
      {"KdxShuffle", {"x: float"}, {"y: float"}, attributes, inferFirstInput, shuffle, readGroups,
       freeGroups},
  };
}

}  // namespace kdx
