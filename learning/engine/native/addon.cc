/** Registers our operations with TensorFlow when Node loads this library as an addon. */
#include <node_api.h>

#include "operation.h"

namespace kdx {

namespace {

/** Registers all operations; gives what TensorFlow has against it, or nothing. */
std::string registerAll() {
  const Status status(TF_NewStatus());
  for (const auto& definitions :
       {convolutionOperations(), normOperations(), depthwiseOperations(), groupedOperations()}) {
    for (const Definition& definition : definitions) {
      registerOperation(definition, status);
      if (TF_GetCode(status) != TF_OK) {
        return std::string(definition.name) + ": " + TF_Message(status);
      }
    }
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
