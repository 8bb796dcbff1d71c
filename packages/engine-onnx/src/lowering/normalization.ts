import { asFloat, fromFront } from "@latentkit/jit/lowering";
import { registerLowering } from "./registry.js";

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
