import type { Words } from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";

const shift = (b: OnnxBuilder, x: OnnxValue, bits: number) =>
  b.binary("BitShift", x, b.scalar(bits, "uint64"), "uint64", { attributes: { direction: "RIGHT" } });

/** Random words in uint64: the product of two fits. */
export const WORDS: Words<OnnxBuilder, OnnxValue> = {
  type: "uint64",
  of: (b, x) => b.cast(b.cast(x, "uint32"), "uint64"),
  signed: (b, x) => b.cast(b.cast(x, "uint32"), "int32"),
  counting: (b, n) => b.cast(b.counting(n), "uint64"),
  xor: (b, x, y) => b.binary("BitwiseXor", x, y),
  shift,
  high: (b, product) => shift(b, product, 32),

  /** In float32, of an angle that was multiplied in float64. */
  circle: (b, angle) => {
    const rounded = b.cast(angle, "float32");
    return [b.unary("Cos", rounded), b.unary("Sin", rounded)];
  },

  /** The index fills the low bits of a key that is the word's upper 31 bits above. */
  order: (b, words, n) => {
    const sortKeys = b.cast(shift(b, words, 1), "int64");
    const unique = b.add(b.by("Mul", sortKeys, 2 ** 32), b.counting(n));
    const specs = [
      { shape: [n], type: "int64" as const },
      { shape: [n], type: "int64" as const },
    ];
    const attributes = { largest: 0, sorted: 1, axis: 0 };
    const [, order] = b.multi("TopK", [unique, b.ints([n])], specs, { attributes }) as [OnnxValue, OnnxValue];
    return b.cast(order, "int32");
  },
};
