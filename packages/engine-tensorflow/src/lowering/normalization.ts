import { asFloat, fromFront, inversePermutation, range } from "@latentkit/jit/lowering";
import { registerLowering } from "./registry.js";

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
