import { product, range } from "./axes.js";
import { by, type KernelBuilder, type LoweredValue } from "./kernel-builder.js";
import type { Call, Register } from "./registry.js";

/** Declares local response normalisation. Krizhevsky et al., 2012, §3.3. */
export function registerResponseNormalization<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  register("LRN", (b, call) => {
    const x = call.input("x");
    return b.mul(x, by(b, "Pow", localEnergy(b, x, call), -call.attr<number>("beta")));
  });
  register("LRNGrad", (b, call) => {
    const [x, y, dy] = [call.input("x"), call.input("y"), call.input("dy")];
    const energy = localEnergy(b, x, call);
    const [alpha, beta] = [call.attr<number>("alpha"), call.attr<number>("beta")];
    const own = b.mul(dy, by(b, "Pow", energy, -beta));
    const others = overNeighbours(b, b.div(b.mul(dy, y), energy), call.attr<number>("depthRadius"));
    return b.sub(own, b.mul(by(b, "Multiply", x, 2 * alpha * beta), others));
  });
}

/** `bias + alpha` times the sum of squares over neighbouring channels. */
function localEnergy<V extends LoweredValue>(b: KernelBuilder<V>, x: V, { attr }: Call<V>): V {
  const sum = overNeighbours(b, b.apply("Square", x), attr<number>("depthRadius"));
  return by(b, "Add", by(b, "Multiply", sum, attr<number>("alpha")), attr<number>("bias"));
}

/** Sums over channels up to `radius` away, as a product with a banded matrix. */
function overNeighbours<V extends LoweredValue>(b: KernelBuilder<V>, x: V, radius: number): V {
  const c = x.shape.at(-1) as number;
  const band = range(c).flatMap((i) => range(c).map((j) => (Math.abs(i - j) <= radius ? 1 : 0)));
  const rows = b.reshape(x, [product(x.shape.slice(0, -1)), c]);
  return b.reshape(b.matMul(rows, b.constant(band, [c, c])), x.shape);
}
