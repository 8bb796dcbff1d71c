import { range, type Words } from "@latentkit/jit/lowering";
import type { GraphBuilder, TfValue } from "./builder.js";

const shift = (b: GraphBuilder, x: TfValue, bits: number) => b.by("RightShift", x, bits);

/** Random words in the low half of int64: products wrap to the right bits, and shifts of them are masked. */
export const WORDS: Words<GraphBuilder, TfValue> = {
  type: "int64",
  of: (b, x) => b.by("BitwiseAnd", b.cast(x, "int64"), 0xffffffff),
  signed: (b, x) => b.cast(x, "int32"),
  counting: (b, n) => b.constant(range(n), [n], "int64"),
  xor: (b, x, y) => b.binary("BitwiseXor", x, y),
  shift,
  high: (b, product) => b.by("BitwiseAnd", shift(b, product, 32), 0xffffffff),
  circle: (b, angle) => [b.cast(b.unary("Cos", angle), "float32"), b.cast(b.unary("Sin", angle), "float32")],

  /** Among equals, the largest of negated keys come in the order of their positions. */
  order: (b, words, n) => {
    const sortKeys = b.cast(shift(b, words, 1), "int32");
    const specs = [
      { shape: [n], type: "int32" as const },
      { shape: [n], type: "int32" as const },
    ];
    return b.multi("TopKV2", [b.unary("Neg", sortKeys), b.scalar(n, "int32")], specs)[1] as TfValue;
  },
};
