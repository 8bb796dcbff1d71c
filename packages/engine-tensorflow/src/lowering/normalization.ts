import { fromFront, inversePermutation, range } from "@latentkit/jit/lowering";
import type { GraphBuilder, TfValue } from "./builder.js";
import { asFloat } from "./elementwise.js";
import { type Call, registerLowering } from "./registry.js";

registerLowering("Softmax", (b, { input, attr }) => {
  const logits = asFloat(b, input("logits"));
  const rank = logits.shape.length;
  const axis = fromFront(attr<number | undefined>("dim") ?? -1, rank);
  const perm = [...range(rank).filter((i) => i !== axis), axis];
  return b.transpose(b.unary("Softmax", b.transpose(logits, perm)), inversePermutation(perm));
});

registerLowering("FusedBatchNorm", (b, { input, optional, attr }) => {
  const inverse = b.unary("Rsqrt", b.by("AddV2", input("variance"), attr<number>("varianceEpsilon")));
  const [scale, offset] = [optional("scale"), optional("offset")];
  const factor = scale === undefined ? inverse : b.mul(scale, inverse);
  const y = b.mul(b.sub(input("x"), input("mean")), factor);
  return offset === undefined ? y : b.add(y, offset);
});

/** `bias + alpha` times the sum of squares over neighbouring channels. Krizhevsky et al., 2012, §3.3. */
function localEnergy(b: GraphBuilder, x: TfValue, { attr }: Call): TfValue {
  const sum = overNeighbours(b, b.unary("Square", x), attr<number>("depthRadius"));
  return b.by("AddV2", b.by("Mul", sum, attr<number>("alpha")), attr<number>("bias"));
}

/** Sums over channels up to `radius` away, as a product with a banded matrix. */
function overNeighbours(b: GraphBuilder, x: TfValue, radius: number): TfValue {
  const c = x.shape.at(-1) as number;
  const band = range(c).flatMap((i) => range(c).map((j) => (Math.abs(i - j) <= radius ? 1 : 0)));
  const rows = b.reshape(x, [x.shape.slice(0, -1).reduce((n, dim) => n * dim, 1), c]);
  return b.reshape(b.matMul(rows, b.constant(band, [c, c])), x.shape);
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
