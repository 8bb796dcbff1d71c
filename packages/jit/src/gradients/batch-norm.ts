import { add, mul, neg, rsqrt, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import { defineGradient, presentOnly } from "./define.js";
import { sumTo } from "./shapes.js";

type Names = "x" | "mean" | "variance" | "scale";

defineGradient("FusedBatchNorm", presentOnly<Names>(["x", "mean", "variance", "scale"]), (dy, inputs, attrs) => {
  const { x, mean, variance } = inputs;
  const scale = inputs.scale as Tensor | undefined;
  const inverse = () => rsqrt(add(variance, (attrs.varianceEpsilon as number | undefined) ?? 0.001));
  const scaled = () => (scale === undefined ? dy : mul(dy, scale));
  return {
    x: () => mul(scaled(), inverse()),
    mean: () => neg(sumTo(mul(scaled(), inverse()), mean.shape)),
    variance: () => {
      const slope = mul(mul(inverse(), square(inverse())), -0.5);
      return sumTo(mul(mul(scaled(), sub(x, mean)), slope), variance.shape);
    },
    scale: () => sumTo(mul(dy, mul(sub(x, mean), inverse())), mean.shape),
    offset: () => sumTo(dy, mean.shape),
  };
});
