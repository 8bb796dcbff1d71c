import { asFloat, fromFloat, product } from "@latentkit/jit/lowering";
import { activate } from "./activation.js";
import type { GraphBuilder, TfValue } from "./builder.js";
import { type Call, registerLowering } from "./registry.js";

registerLowering("BatchMatMul", (b, call) => matMul(b, call));

registerLowering("_FusedMatMul", (b, call) => {
  const y = matMul(b, call);
  const bias = call.optional("bias");
  return activate(b, bias === undefined ? y : b.add(y, bias), call);
});

function matMul(b: GraphBuilder, { input, attr, out }: Call): TfValue {
  const [transposeA, transposeB] = [attr<boolean>("transposeA") ?? false, attr<boolean>("transposeB") ?? false];
  return fromFloat(b, batched(b, asFloat(b, input("a")), asFloat(b, input("b")), transposeA, transposeB), out().dtype);
}

/** With one matrix on the right, all rows on the left are one matrix. */
function batched(b: GraphBuilder, a: TfValue, c: TfValue, transposeA: boolean, transposeB: boolean): TfValue {
  const isMatrix = product(c.shape.slice(0, -2)) === 1 && c.shape.length <= a.shape.length;
  if (!isMatrix || transposeA || a.shape.length === 2) return b.matMul(a, c, transposeA, transposeB);
  const inner = a.shape.at(-1) as number;
  const rows = b.reshape(a, [product(a.shape.slice(0, -1)), inner]);
  const y = b.matMul(rows, b.reshape(c, c.shape.slice(-2)), false, transposeB);
  return b.reshape(y, [...a.shape.slice(0, -1), y.shape[1] as number]);
}

registerLowering("Einsum", (b, { list, attr, out }) => {
  const operands = list().map((x) => (x.type === "bool" ? b.cast(x, "int32") : x));
  const equation = attr<string>("equation").replace(/\s+/g, "");
  const type = (operands[0] as TfValue).type;
  const rounded = operands.map((x) => b.rounded(x));
  const y = b.op("Einsum", [rounded], out().shape, (rounded[0] as TfValue).type, { equation });
  return b.cast(y, type);
});
