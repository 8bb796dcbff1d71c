import { prelu } from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { clip } from "./elementwise.js";
import type { Call } from "./registry.js";

/** Applies the activation of tfjs-core's fused kernels. @throws UnsupportedKernelError when there is no such activation. */
export function activate(b: OnnxBuilder, x: OnnxValue, call: Call): OnnxValue {
  const activation = call.attr<string | undefined>("activation") ?? "linear";
  switch (activation) {
    case "linear":
      return x;
    case "relu":
      return b.unary("Relu", x);
    case "relu6":
      return clip(b, x, 0, 6);
    case "elu":
      return b.unary("Elu", x);
    case "sigmoid":
      return b.unary("Sigmoid", x);
    case "leakyrelu":
      return b.unary("LeakyRelu", x, { attributes: { alpha: { float: call.attr<number>("leakyreluAlpha") ?? 0.2 } } });
    case "prelu":
      return prelu(b, x, call.input("preluActivationWeights"));
    default:
      throw call.unsupported(`activation ${activation}`);
  }
}
