import { type tf } from '../backend.ts';
import type { Constant } from './graph.ts';
import type {
  Handle,
  NativeAttribute,
  NativeBackend,
  NativeBinding,
  TensorData,
} from './native.ts';
import { native } from './native.ts';

/** One operation that TensorFlow ran: its inputs as handle ids, its outputs as handles. */
export type Execution = {
  readonly operation: string;
  readonly attributes: readonly NativeAttribute[];
  readonly inputs: readonly number[];
  readonly outputs: readonly Handle[];
};

/** What a recording receives. It refuses by throwing. */
export type Listener = {
  /** JavaScript made a tensor out of values; they are still on the host. */
  wrote(dataId: object): void;
  /** A tensor becomes the input of an operation. */
  uses(tensor: tf.TensorInfo, data: TensorData): void;
  /** Values went from the host to the device and are known by this handle now. */
  uploaded(id: number, constant: Constant): void;
  /** An operation is about to run. */
  runs(operation: string): void;
  ran(execution: Execution): void;
  /** JavaScript asks for the values of a tensor. */
  reads(dataId: object, data: TensorData): void;
};

/** The binding's own properties are read-only: what listens is a copy of it. */
function listeningBinding(binding: NativeBinding, listener: Listener): NativeBinding {
  const names = Object.getOwnPropertyNames(binding) as (keyof NativeBinding)[];
  const copy = Object.fromEntries(
    names.map((name) => {
      const member: unknown = binding[name];
      return [name, typeof member === 'function' ? (member.bind(binding) as unknown) : member];
    }),
  ) as unknown as NativeBinding;
  return {
    ...copy,
    createTensor: (shape, dtype, values) => {
      const id = binding.createTensor(shape, dtype, values);
      listener.uploaded(id, { shape, dtype, values });
      return id;
    },
    executeOp: (operation, attributes, inputs, outputCount) => {
      listener.runs(operation);
      const outputs = binding.executeOp(operation, attributes, inputs, outputCount);
      listener.ran({ operation, attributes, inputs, outputs });
      return outputs;
    },
  };
}

type Overridden = Pick<NativeBackend, 'getInputTensorIds' | 'readSync' | 'write'>;

function listeningMethods(backend: NativeBackend, listener: Listener): Overridden {
  const { getInputTensorIds, readSync, write, tensorMap } = backend;
  return {
    write: (values, shape, dtype) => {
      const dataId = write.call(backend, values, shape, dtype);
      listener.wrote(dataId);
      return dataId;
    },
    getInputTensorIds: (tensors) => {
      for (const tensor of tensors) {
        // 64-bit scalars of tfjs have no data of their own: they are uploaded in the call below.
        if ('dataId' in tensor) listener.uses(tensor, tensorMap.get(tensor.dataId));
      }
      return getInputTensorIds.call(backend, tensors);
    },
    readSync: (dataId) => {
      listener.reads(dataId, tensorMap.get(dataId));
      return readSync.call(backend, dataId);
    },
  };
}

/**
 * Passes every request of JavaScript to TensorFlow on to `listener` while `run` runs. Every function of
 * tfjs ends in these few methods, so that none is missed.
 */
export function intercept<T>(listener: Listener, run: () => T): T {
  const backend = native();
  const { binding } = backend;
  const overridden = listeningMethods(backend, listener);
  backend.binding = listeningBinding(binding, listener);
  Object.assign(backend, overridden);
  try {
    return run();
  } finally {
    backend.binding = binding;
    // The methods themselves are on the prototype: they come back as the overrides go.
    for (const name of Object.keys(overridden)) Reflect.deleteProperty(backend, name);
  }
}
