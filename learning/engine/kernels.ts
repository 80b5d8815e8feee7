/** Kernels that replace those of tfjs-node where its own cost time or read tensors on the host. */
import { tf } from './library.ts';
import { dataType, flag, integers, operation } from './operation.ts';

const BACKEND = 'tensorflow';

function stockKernel(name: string): tf.KernelFunc {
  const config = tf.getKernel(name, BACKEND);
  tf.unregisterKernel(name, BACKEND);
  return config.kernelFunc;
}

/** A product of two matrices runs as MatMul: the batched kernel of TensorFlow is slower for it. */
function registerMatrixProduct(): void {
  const batched = stockKernel('BatchMatMul');
  tf.registerKernel({
    kernelName: 'BatchMatMul',
    backendName: BACKEND,
    kernelFunc: (call) => {
      const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      const attributes = call.attrs as { transposeA: boolean; transposeB: boolean };
      const plain = [a, b].every((x) => x.shape.length === 2 && x.dtype === 'float32');
      if (!plain) return batched(call);
      const settings = [
        flag('transpose_a', attributes.transposeA),
        flag('transpose_b', attributes.transposeB),
        dataType('T', 'float32'),
      ];
      return operation('MatMul', settings, [a, b]);
    },
  });
}

/** Gather that leaves its indices on the device; the stock kernel checks them on the host. */
function registerGather(): void {
  stockKernel('GatherV2');
  tf.registerKernel({
    kernelName: 'GatherV2',
    backendName: BACKEND,
    kernelFunc: (call) => {
      const { x, indices } = call.inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
      const { axis, batchDims } = call.attrs as { axis: number; batchDims: number };
      const axisTensor = tf.scalar(axis, 'int32');
      const settings = [
        integers('batch_dims', batchDims),
        dataType('Tparams', x.dtype),
        dataType('Tindices', indices.dtype),
        dataType('Taxis', 'int32'),
      ];
      const gathered = operation('GatherV2', settings, [x, indices, axisTensor]);
      axisTensor.dispose();
      return gathered;
    },
  });
}

registerMatrixProduct();
registerGather();
