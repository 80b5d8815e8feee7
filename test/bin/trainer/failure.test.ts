import test from 'ava';

import { failureOf } from '../../../bin/trainer/failure.ts';
import { KdxError } from '../../../leg/errors.ts';
import { EXIT } from '../../../leg/outcome.ts';

/** What TensorFlow 2 says on a GPU whose memory is full: one operation, a graph, the libraries. */
const ON_A_GPU = [
  'OOM when allocating tensor with shape[512,64,56,56] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc [Op:Conv2D]',
  `Session fail to run with error: 2 root error(s) found.
  (0) RESOURCE_EXHAUSTED: OOM when allocating tensor with shape[8192,64,32,32] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc
	 [[{{node Conv2D12}}]]
Hint: If you want to see a list of allocated tensors when OOM happens, add report_tensor_allocations_upon_oom to RunOptions for current allocation info. This isn't available when running in Eager mode.`,
  'INTERNAL: failed to allocate 2.20GiB (2359296000 bytes) from device: CUDA_ERROR_OUT_OF_MEMORY: out of memory',
  'INTERNAL: Failed to initialize: CUBLAS_STATUS_ALLOC_FAILED',
  'UNKNOWN: CUDNN_STATUS_ALLOC_FAILED in tensorflow/stream_executor/cuda/cuda_dnn.cc(1076)',
];
const ON_THE_HOST =
  'OOM when allocating tensor with shape[100000,100000] and type float on /job:localhost/replica:0/task:0/device:CPU:0 by allocator cpu';

for (const [index, message] of ON_A_GPU.entries()) {
  test(`a GPU without memory ends a leg with ${EXIT.deviceMemory} (${index})`, (t) => {
    t.like(failureOf(new Error(message)), {
      code: 'OutOfDeviceMemory',
      exitCode: EXIT.deviceMemory,
      message,
    });
  });
}

test('memory that was refused is found as the cause of what looks like a defect', (t) => {
  const cause = new Error(ON_A_GPU[1]);
  const wrapped = new KdxError('CodeBug', 'TensorFlow refuses the recorded graph', { cause });
  t.is(failureOf(wrapped).exitCode, EXIT.deviceMemory);
});

test('memory of the host is another thing than that of a GPU', (t) => {
  t.is(failureOf(new Error(ON_THE_HOST)).code, 'OutOfHostMemory');
});

test('what has nothing to do with memory keeps its code, or is a defect', (t) => {
  t.is(failureOf(new KdxError('DataMismatch', 'a GPU: is mentioned')).code, 'DataMismatch');
  t.is(failureOf(new KdxError('CodeBug', 'something else')).code, 'CodeBug');
  t.is(failureOf(new TypeError('x is not a function')).code, 'CodeBug');
});
