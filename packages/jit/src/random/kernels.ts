import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { type NamedAttrMap, type NamedTensorInfoMap, registerKernel, type TensorInfo } from "@tensorflow/tfjs-core";
import { UserError } from "../errors.js";
import type { Attrs } from "../graph.js";
import { type DTypeArrays, formatSpec, type HostTensor, sameShape, sizeOf, type TensorSpec } from "../host-tensor.js";
import { registerInference } from "../kernels/symbolic.js";
import { foldWords, philoxBits, philoxNormal, philoxPermutation, philoxUniform } from "./philox.js";
import type { Words } from "./philox-js.js";

/** One random kernel: what it gives, and its definition on the host. */
export interface RandomKernel {
  /** Shape and dtype of the result. */
  readonly infer: (attrs: Attrs) => TensorSpec;
  /**
   * The result's values from the key's words; `data` is the folded word of `PhiloxFold`.
   *
   * @param out Where to write them; a new array when absent.
   */
  readonly evaluate: (attrs: Attrs, key: Words, data: number, out?: HostTensor["data"]) => HostTensor["data"];
}

const shapeOf = (attrs: Attrs) => attrs.shape as readonly number[];

/** The kernels of randomness by name. Each has the input `key`, int32[2]; `PhiloxFold` also `data`, an int32 scalar. */
export const RANDOM_KERNELS: ReadonlyMap<string, RandomKernel> = new Map<string, RandomKernel>([
  [
    "PhiloxFold",
    {
      infer: () => ({ shape: [2], dtype: "int32" }),
      evaluate: (_, key, data, out) => copyTo(foldWords(key, data), out),
    },
  ],
  [
    "PhiloxBits",
    {
      infer: (attrs) => ({ shape: shapeOf(attrs), dtype: "int32" }),
      evaluate: (attrs, key, _, out) => philoxBits(key, sizeOf(shapeOf(attrs)), out as DTypeArrays["int32"]),
    },
  ],
  [
    "PhiloxUniform",
    {
      infer: (attrs) => ({ shape: shapeOf(attrs), dtype: "float32" }),
      evaluate: (attrs, key, _, out) => philoxUniform(key, sizeOf(shapeOf(attrs)), out as DTypeArrays["float32"]),
    },
  ],
  [
    "PhiloxNormal",
    {
      infer: (attrs) => ({ shape: shapeOf(attrs), dtype: "float32" }),
      evaluate: (attrs, key, _, out) => philoxNormal(key, sizeOf(shapeOf(attrs)), out as DTypeArrays["float32"]),
    },
  ],
  [
    "PhiloxPermutation",
    {
      infer: (attrs) => ({ shape: [attrs.n as number], dtype: "int32" }),
      evaluate: (attrs, key, _, out) => copyTo(philoxPermutation(key, attrs.n as number), out),
    },
  ],
]);

function copyTo(values: Int32Array, out: HostTensor["data"] = values): HostTensor["data"] {
  if (out !== values) out.set(values);
  return out;
}

type Specs = Readonly<Record<string, Pick<TensorInfo, "shape" | "dtype"> | undefined>>;

/** @throws UserError when a tensor given as a key, or as the data of a fold, has another shape or dtype. */
function checkInput(
  name: string,
  tensor: Pick<TensorInfo, "shape" | "dtype">,
  shape: readonly number[],
  advice: string,
): void {
  if (tensor.dtype === "int32" && sameShape(tensor.shape, shape)) return;
  const [wanted, got] = [{ shape, dtype: "int32" as const }, tensor as TensorSpec].map(formatSpec);
  throw new UserError("@latentkit/jit", `${name} must be ${wanted}, got ${got}; ${advice}`);
}

function checkInputs({ key, data }: Specs): void {
  if (key !== undefined) checkInput("key", key, [2], "use the key of the program, or fold, split or seedKey");
  if (data !== undefined) checkInput("data folded into a key", data, [], "cast and reshape it first");
}

function runOnCpu(
  kernel: RandomKernel,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
  backend: MathBackendCPU,
): TensorInfo {
  checkInputs(inputs);
  const words = (tensor: TensorInfo) => backend.readSync(tensor.dataId) as Int32Array;
  const data = inputs.data === undefined ? 0 : (words(inputs.data)[0] as number);
  const { shape, dtype } = kernel.infer(attrs);
  const values = kernel.evaluate(attrs, words(inputs.key as TensorInfo), data);
  return backend.makeTensorInfo([...shape], dtype, values as Int32Array);
}

for (const [kernelName, kernel] of RANDOM_KERNELS) {
  registerInference(kernelName, (inputs, attrs) => {
    checkInputs(inputs as unknown as Specs);
    return kernel.infer(attrs);
  });
  registerKernel({
    kernelName,
    backendName: "cpu",
    kernelFunc: ({ inputs, attrs, backend }) => runOnCpu(kernel, inputs, attrs ?? {}, backend as MathBackendCPU),
  });
}
