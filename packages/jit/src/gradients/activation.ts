import {
  engine,
  exp,
  fill,
  greater,
  lessEqual,
  logicalAnd,
  minimum,
  mul,
  sigmoid,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  where,
} from "@tensorflow/tfjs-core";
import { defineGradient, defineGradientWithOutputs } from "./define.js";
import { runKernel } from "./run-kernel.js";
import { sumTo, zeros } from "./shapes.js";

defineGradient("Exp", ["x"], (dy, { x }) => ({ x: () => mul(dy, exp(x)) }));

defineGradient("Tanh", ["x"], (dy, { x }) => ({ x: () => mul(dy, sub(1, square(tanh(x)))) }));

defineGradient("Sigmoid", ["x"], (dy, { x }) => ({
  x: () => {
    const y = sigmoid(x);
    return mul(dy, mul(y, sub(1, y)));
  },
}));

/** exp(x) for x <= 0 and 1 above: an overflow that `where` discards would still give NaN to second order. */
const expBelowZero = (x: Tensor): Tensor => exp(minimum(x, 0));

defineGradient("Elu", ["x"], (dy, { x }) => ({ x: () => where(greater(x, 0), dy, mul(dy, expBelowZero(x))) }));

defineGradient("EluGrad", ["dy", "y"], (ddx, { dy, y }) => ({
  dy: () => runKernel("EluGrad", { dy: ddx, y }),
  y: () => where(greater(y, 0), zeros(ddx.shape), mul(ddx, dy)),
}));

/** Klambauer et al., 2017, §2. https://arxiv.org/abs/1706.02515 */
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;
defineGradient("Selu", ["x"], (dy, { x }) => ({
  x: () => mul(dy, where(greater(x, 0), fill(x.shape, SELU_SCALE), mul(expBelowZero(x), SELU_SCALE * SELU_ALPHA))),
}));

defineGradient("Relu", ["x"], (dy, { x }) => ({ x: () => where(greater(x, 0), dy, zeros(dy.shape)) }));

defineGradient("Relu6", ["x"], (dy, { x }) => ({
  x: () => where(logicalAnd(greater(x, 0), lessEqual(x, 6)), dy, zeros(dy.shape)),
}));

defineGradient("LeakyRelu", ["x"], (dy, { x }, { alpha }) => ({
  x: () => where(greater(x, 0), dy, mul(dy, alpha as number)),
}));

defineGradient("Prelu", ["x", "alpha"], (dy, { x, alpha }) => ({
  x: () => where(greater(x, 0), dy, mul(dy, alpha)),
  alpha: () => sumTo(where(greater(x, 0), zeros(dy.shape), mul(dy, x)), alpha.shape),
}));

/** A row-wise product with the Jacobian of softmax, `y * (dy - sum(dy * y))`. */
function softmaxGradient(dy: Tensor, y: Tensor): Tensor {
  return mul(y, sub(dy, sum(mul(dy, y), -1, true)));
}

const softmaxKernel = (logits: Tensor): Tensor => runKernel("Softmax", { logits }, { dim: logits.rank - 1 });

defineGradient("Softmax", ["logits"], (dy, { logits }) => ({
  logits: () => softmaxGradient(dy, softmaxKernel(logits)),
}));

/**
 * tf.logSoftmax is no kernel but a custom gradient that saves its own output; tfjs-core looks gradients up by the op's scope first, so this one
 * replaces it. While a gradient of the gradient is recorded it starts from the logits, which it finds on the tape; otherwise from the output.
 */
defineGradientWithOutputs("logSoftmax__op", [], [], ([dy], saved) => {
  const { gradientDepth, activeTape } = engine().state;
  const logits = gradientDepth > 0 ? activeTape.find((node) => node.saved === saved)?.inputs[0] : undefined;
  const y = logits !== undefined && !logits.isDisposed ? softmaxKernel(logits) : exp(saved[0] as Tensor);
  return { 0: () => sub(dy as Tensor, mul(sum(dy as Tensor, -1, true), y)) };
});

/** To first order. */
defineGradientWithOutputs("LRN", ["x"], [true], ([dy], [x, y], { depthRadius, bias, alpha, beta }) => ({
  x: () =>
    runKernel("LRNGrad", { x: x as Tensor, y: y as Tensor, dy: dy as Tensor }, { depthRadius, bias, alpha, beta }),
}));
