import { fromFront, range } from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { asFloat } from "./elementwise.js";
import { type Call, registerLowering } from "./registry.js";

registerLowering("Softmax", (b, { input, attr }) => {
  const logits = asFloat(b, input("logits"));
  const axis = fromFront(attr<number | undefined>("dim") ?? -1, logits.shape.length);
  return b.unary("Softmax", logits, { attributes: { axis } });
});

registerLowering("FusedBatchNorm", (b, { input, optional, attr }) => {
  const deviation = b.unary("Sqrt", b.by("Add", input("variance"), attr<number>("varianceEpsilon")));
  const [scale, offset] = [optional("scale"), optional("offset")];
  const factor = scale === undefined ? b.unary("Reciprocal", deviation) : b.div(scale, deviation);
  const y = b.mul(b.sub(input("x"), input("mean")), factor);
  return offset === undefined ? y : b.add(y, offset);
});

/** `bias + alpha` times the sum of squares over neighbouring channels. Krizhevsky et al., 2012, §3.3. */
function localEnergy(b: OnnxBuilder, x: OnnxValue, { attr }: Call): OnnxValue {
  const sum = overNeighbours(b, b.mul(x, x), attr<number>("depthRadius"));
  return b.by("Add", b.by("Mul", sum, attr<number>("alpha")), attr<number>("bias"));
}

/** Sums over channels up to `radius` away, as a product with a banded matrix. */
function overNeighbours(b: OnnxBuilder, x: OnnxValue, radius: number): OnnxValue {
  const c = x.shape.at(-1) as number;
  const band = range(c).flatMap((i) => range(c).map((j) => (Math.abs(i - j) <= radius ? 1 : 0)));
  return b.matMul(x, b.constant(band, [c, c]));
}

registerLowering("LRN", (b, call) => {
  const x = call.input("x");
  return b.mul(x, b.by("Pow", localEnergy(b, x, call), -call.attr<number>("beta")));
});

registerLowering("LRNGrad", (b, call) => {
  const [x, y, dy] = [call.input("x"), call.input("y"), call.input("dy")];
  const energy = localEnergy(b, x, call);
  const [alpha, beta] = [call.attr<number>("alpha"), call.attr<number>("beta")];
  const own = b.mul(dy, b.by("Pow", energy, -beta));
  const others = overNeighbours(b, b.div(b.mul(dy, y), energy), call.attr<number>("depthRadius"));
  return b.sub(own, b.mul(b.by("Mul", x, 2 * alpha * beta), others));
});
