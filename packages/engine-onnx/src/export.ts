import { optimize, type TensorSpec, type Tree, trace } from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import { renameValues } from "./lowering/cleanup.js";
import { lowerGraph, PORTABLE_COMPOSITES } from "./lowering/index.js";
import { encodeModel, type OnnxGraph } from "./proto.js";

/**
 * Writes a function of tensors as the bytes of an .onnx file: `await writeFile("f.onnx", await toOnnx((x) => tf.softmax(x), [spec]))`.
 * Tensors that the function captures are stored in the file, which keeps to operators of the ONNX standard, opset 20. Inputs are named by position and path, `x0`, `x1.kernel`; the result is `y`,
 * or `y.name` for a record.
 *
 * @param specs One tree of specs for each argument.
 * @throws UnsupportedKernelError for a kernel that has no ONNX counterpart.
 */
export async function toOnnx<A extends readonly Tree<Tensor>[]>(
  f: (...args: A) => Tree<Tensor>,
  specs: { readonly [I in keyof A]: Tree<TensorSpec> },
): Promise<Uint8Array> {
  const inputs = Object.fromEntries(specs.map((spec, i) => [`x${i}`, spec]));
  const traced = trace((_state, args) => ({ outputs: { y: f(...(Object.values(args) as unknown as A)) } }), {
    state: {},
    inputs,
  });
  const graph = optimize(traced.graph, {
    composites: PORTABLE_COMPOSITES,
    foldConstants: true,
    conditionalStates: false,
  });
  return encodeModel(withPlainNames(lowerGraph(graph, new Map(), true).onnx));
}

/** Inputs and outputs without the prefixes that keep them apart inside the engine. */
function withPlainNames(onnx: OnnxGraph): OnnxGraph {
  const plain = (name: string) => name.replace(/^(in|out)\./, "");
  return renameValues(onnx, new Map([...onnx.inputs, ...onnx.outputs].map(({ name }) => [name, plain(name)])));
}
