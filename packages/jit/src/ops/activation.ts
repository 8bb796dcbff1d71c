import { add, mul, scalar, sigmoid, square, sub, type Tensor, tanh } from "@tensorflow/tfjs-core";
import { defineComposite } from "../composite.js";

const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

/** tanh of the inner polynomial of GELU, `sqrt(2/pi) (x + 0.044715 x^3)`. */
function geluTanh(x: Tensor): Tensor {
  return tanh(mul(mul(x, add(mul(square(x), GELU_CUBIC), 1)), GELU_SCALE));
}

const geluKernel = defineComposite<{ x: Tensor }>({
  name: "Gelu",
  inputs: ["x"],
  forward: ({ x }) => mul(mul(x, 0.5), add(geluTanh(x), 1)),
  gradient: ([dy], { x }) => ({
    x: () => {
      const t = geluTanh(x as Tensor);
      const inner = mul(add(mul(square(x as Tensor), 3 * GELU_CUBIC), 1), GELU_SCALE);
      const dt = mul(sub(1, square(t)), inner);
      return mul(dy as Tensor, add(mul(add(t, 1), 0.5), mul(mul(x as Tensor, 0.5), dt)));
    },
  }),
});

/** Gaussian error linear unit, tanh form, element by element. Hendrycks & Gimpel, 2016, §2. https://arxiv.org/abs/1606.08415 */
export function gelu(x: Tensor): Tensor {
  return geluKernel({ x }, {}) as Tensor;
}

const siluKernel = defineComposite<{ x: Tensor }>({
  name: "Silu",
  inputs: ["x"],
  forward: ({ x }) => mul(x, sigmoid(x)),
  gradient: ([dy], { x }) => ({
    x: () => {
      const s = sigmoid(x as Tensor);
      return mul(dy as Tensor, mul(s, add(mul(x as Tensor, sub(scalar(1), s)), 1)));
    },
  }),
});

/** `x * sigmoid(x)`, element by element. Elfwing et al., 2017. https://arxiv.org/abs/1702.03118 */
export function silu(x: Tensor): Tensor {
  return siluKernel({ x }, {}) as Tensor;
}
