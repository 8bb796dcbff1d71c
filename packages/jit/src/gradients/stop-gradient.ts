import { customGrad, type Tensor } from "@tensorflow/tfjs-core";
import { zeros } from "./shapes.js";

/**
 * The same tensor, through which no gradient flows: the gradient with respect to `x` is 0 on this path.
 *
 * @param x Any shape. @returns Same shape and values.
 */
export function stopGradient<T extends Tensor>(x: T): T {
  const detach = customGrad((t) => ({ value: (t as Tensor).clone(), gradFunc: () => zeros(x.shape) }));
  return detach(x) as T;
}
