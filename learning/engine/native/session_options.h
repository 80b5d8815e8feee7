/*
 * Included before the sources of tfjs-node's binding: what its sessions may do to a recorded graph.
 *
 * TensorFlow rewrites the graph of a session before its first run, and its rewriting of products and
 * sums goes over sets that are ordered by address. Two sessions of one graph may then add in another
 * order and differ in their last bits: a training that is stopped and goes on would end with other
 * weights than one that nothing stopped. See docs/decisions/094.
 */
#ifndef KDX_SESSION_OPTIONS_H
#define KDX_SESSION_OPTIONS_H

#include <cstdio>
#include <cstdlib>

#include "tensorflow/c/c_api.h"

static inline TF_SessionOptions *kdx_new_session_options() {
#ifdef KDX_GPU
  /* ConfigProto { graph_options { rewrite_options { arithmetic_optimization: OFF } } }: the layout of
   * maps is still the rewriter's to choose, which cuDNN asks for. */
  static const unsigned char kConfig[] = {0x52, 0x04, 0x52, 0x02, 0x38, 0x02};
#else
  /* ConfigProto { graph_options { rewrite_options { disable_meta_optimizer: true } } }: our kernels
   * are fused and laid out already, and a session starts in half the time. */
  static const unsigned char kConfig[] = {0x52, 0x05, 0x52, 0x03, 0x98, 0x01, 0x01};
#endif
  TF_SessionOptions *options = TF_NewSessionOptions();
  TF_Status *status = TF_NewStatus();
  TF_SetConfig(options, kConfig, sizeof kConfig, status);
  if (TF_GetCode(status) != TF_OK) {
    std::fprintf(stderr, "session options: %s\n", TF_Message(status));
    std::abort();
  }
  TF_DeleteStatus(status);
  return options;
}

#define TF_NewSessionOptions kdx_new_session_options

#endif
