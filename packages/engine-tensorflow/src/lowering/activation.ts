import { prelu } from "@latentkit/jit/lowering";
import type { GraphBuilder, TfValue } from "./builder.js";
import type { Call } from "./registry.js";

const PLAIN: Readonly<Record<string, string>> = { relu: "Relu", relu6: "Relu6", elu: "Elu", sigmoid: "Sigmoid" };

/** Applies the activation of tfjs-core's fused kernels. @throws UnsupportedKernelError when there is no such activation. */
export function activate(b: GraphBuilder, x: TfValue, call: Call): TfValue {
  const activation = call.attr<string | undefined>("activation") ?? "linear";
  const plain = PLAIN[activation];
  if (plain !== undefined) return b.unary(plain, x);
  switch (activation) {
    case "linear":
      return x;
    case "leakyrelu":
      return b.unary("LeakyRelu", x, { alpha: { float: call.attr<number>("leakyreluAlpha") ?? 0.2 } });
    case "prelu":
      return prelu(b, x, call.input("preluActivationWeights"));
    default:
      throw call.unsupported(`activation ${activation}`);
  }
}
