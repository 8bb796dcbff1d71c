import "@tensorflow/tfjs-backend-cpu";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import {
  backend_util,
  getKernel,
  type KernelConfig,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  slice_util,
  type TensorInfo,
  type TypedArray,
  util,
} from "@tensorflow/tfjs-core";
import type { Attrs } from "../graph.js";

// What tfjs's cpu backend computes wrongly and is the reference for every engine: each kernel gets arguments that it handles.

type KernelFunc = KernelConfig["kernelFunc"];
type KernelArgs = Parameters<KernelFunc>[0];

/** Wraps a kernel of the cpu backend. */
function repair(kernel: string, wrap: (run: KernelFunc, args: KernelArgs) => ReturnType<KernelFunc>): void {
  const config = getKernel(kernel, "cpu");
  const { kernelFunc } = config;
  config.kernelFunc = (args) => wrap(kernelFunc, args);
}

/** Calls another kernel of the cpu backend. */
function call(kernel: string, inputs: Record<string, TensorInfo>, attrs: Attrs, { backend }: KernelArgs): TensorInfo {
  return getKernel(kernel, "cpu").kernelFunc({ inputs, attrs: attrs as NamedAttrMap, backend }) as TensorInfo;
}

// tf.batchNorm names absent inputs with the value undefined, on which tfjs-core's tape fails. The tape sees the same object after the kernel.
repair("FusedBatchNorm", (run, args) => {
  const inputs = args.inputs as Record<string, TensorInfo | undefined>;
  for (const name of Object.keys(inputs)) if (inputs[name] == null) delete inputs[name];
  return run(args);
});

// The kernel writes the updates into the values of its input.
repair("TensorScatterUpdate", (run, args) => {
  const tensor = (args.inputs as NamedTensorInfoMap).tensor as TensorInfo;
  const backend = args.backend as MathBackendCPU;
  const values = backend.data.get(tensor.dataId).values as TypedArray;
  const copy = backend.makeTensorInfo(tensor.shape, tensor.dtype, values.slice());
  const result = run({ ...args, inputs: { ...args.inputs, tensor: copy } });
  backend.disposeIntermediateTensorInfo(copy);
  return result;
});

// A negative axis gives a wrong shape.
for (const kernel of ["Cumsum", "Cumprod"]) {
  repair(kernel, (run, args) => {
    const axis = args.attrs?.axis as number;
    const rank = ((args.inputs as NamedTensorInfoMap).x as TensorInfo).shape.length;
    return run(axis < 0 ? { ...args, attrs: { ...args.attrs, axis: axis + rank } } : args);
  });
}

// The kernel pairs matrix i with matrix i modulo the smaller batch, which is broadcasting only when the smaller batch shape is a suffix.
repair("BatchMatMul", (run, args) => {
  const { a, b } = args.inputs as { a: TensorInfo; b: TensorInfo };
  const batch = backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [left, right] = [a, b].map((t) => (repeats(t, batch) ? t : broadcastBatch(t, batch, args)));
  const result = run({ ...args, inputs: { a: left, b: right } as NamedTensorInfoMap });
  if (left !== a) (args.backend as MathBackendCPU).disposeIntermediateTensorInfo(left as TensorInfo);
  if (right !== b) (args.backend as MathBackendCPU).disposeIntermediateTensorInfo(right as TensorInfo);
  return result;
});

/** Whether a batch shape, without its leading ones, is the end of the whole batch shape. */
function repeats({ shape }: TensorInfo, batch: readonly number[]): boolean {
  const own = shape.slice(0, -2);
  const trimmed = own.slice(own.findIndex((dim) => dim !== 1));
  return own.every((dim) => dim === 1) || util.arraysEqual(trimmed, batch.slice(batch.length - trimmed.length));
}

function broadcastBatch(t: TensorInfo, batch: readonly number[], args: KernelArgs): TensorInfo {
  const shape = [...batch.map(() => 1), 0, 0].map((one, i, { length }) => t.shape[i - length + t.shape.length] ?? one);
  const reps = shape.map((dim, i) => (dim === 1 && i < batch.length ? (batch[i] as number) : 1));
  return call("Tile", { x: { ...t, shape } }, { reps }, args);
}

// A stride together with a dropped axis reads the wrong elements; without masks it does not.
repair("StridedSlice", (run, args) => {
  const { x } = args.inputs as { x: TensorInfo };
  const attrs = args.attrs as NamedAttrMap;
  if (!attrs.shrinkAxisMask && !attrs.newAxisMask) return run(args);
  const names = ["begin", "end", "strides", "beginMask", "endMask", "ellipsisMask", "newAxisMask", "shrinkAxisMask"];
  const masks = names.map((name) => attrs[name]) as unknown as [
    number[],
    number[],
    number[],
    number,
    number,
    number,
    number,
    number,
  ];
  const { begin, end, strides, finalShape } = slice_util.sliceInfo(x.shape, ...masks);
  const endMask = end.reduce((mask, position, i) => (position < 0 ? mask | (1 << i) : mask), 0);
  const plain = { begin, end, strides, beginMask: 0, endMask, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 };
  return { ...(run({ ...args, attrs: plain }) as TensorInfo), shape: finalShape };
});

// A label that is summed and belongs to one of two operands only gives a wrong result, so those are summed first.
repair("Einsum", (run, args) => {
  const [terms = "", output = ""] = ((args.attrs as NamedAttrMap).equation as string).replace(/\s/g, "").split("->");
  const labels = terms.split(",");
  const operands = Object.values(args.inputs as NamedTensorInfoMap) as TensorInfo[];
  if (operands.length < 2) return run(args);
  const shared = labels.map((own, i) =>
    [...own].filter((label) => `${output}${labels[1 - i]}`.includes(label)).join(""),
  );
  const inputs = operands.map((t, i) => {
    const axis = [...(labels[i] as string)].flatMap((label, at) => (shared[i]?.includes(label) ? [] : [at]));
    return axis.length > 0 ? call("Sum", { x: t }, { axis, keepDims: false }, args) : t;
  });
  const result = run({ ...args, inputs: inputs as never, attrs: { equation: `${shared.join(",")}->${output}` } });
  inputs.forEach((t, i) => {
    if (t !== operands[i]) (args.backend as MathBackendCPU).disposeIntermediateTensorInfo(t);
  });
  return result;
});
