import "@tensorflow/tfjs-backend-cpu";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import {
  getKernel,
  type KernelConfig,
  type NamedTensorInfoMap,
  type TensorInfo,
  type TypedArray,
} from "@tensorflow/tfjs-core";

type KernelArgs = Parameters<KernelConfig["kernelFunc"]>[0];

/** Changes the arguments of a kernel of tfjs's cpu backend before it runs. */
function repair(kernel: string, change: (args: KernelArgs) => KernelArgs): void {
  const config = getKernel(kernel, "cpu");
  const { kernelFunc } = config;
  config.kernelFunc = (args) => kernelFunc(change(args));
}

// tf.batchNorm names absent inputs with the value undefined, on which tfjs-core's tape fails. The tape sees the same object after the kernel.
repair("FusedBatchNorm", (args) => {
  const inputs = args.inputs as Record<string, TensorInfo | undefined>;
  for (const name of Object.keys(inputs)) if (inputs[name] == null) delete inputs[name];
  return args;
});

// The kernel writes the updates into the values of its input.
repair("TensorScatterUpdate", (args) => {
  const { tensor } = args.inputs as NamedTensorInfoMap;
  const backend = args.backend as MathBackendCPU;
  const values = backend.data.get((tensor as TensorInfo).dataId).values as TypedArray;
  const copy = backend.makeTensorInfo((tensor as TensorInfo).shape, (tensor as TensorInfo).dtype, values.slice());
  return { ...args, inputs: { ...args.inputs, tensor: copy } };
});

// A negative axis gives a wrong shape.
for (const kernel of ["Cumsum", "Cumprod"]) {
  repair(kernel, (args) => {
    const axis = args.attrs?.axis as number;
    const rank = ((args.inputs as NamedTensorInfoMap).x as TensorInfo).shape.length;
    return axis < 0 ? { ...args, attrs: { ...args.attrs, axis: axis + rank } } : args;
  });
}
