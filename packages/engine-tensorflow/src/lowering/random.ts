import { product, range } from "@latentkit/jit/lowering";
import type { GraphBuilder, TfValue } from "./builder.js";
import { registerLowering } from "./registry.js";

/** Constants of Philox4x32-10. Salmon et al., 2011, table 2. https://doi.org/10.1145/2063384.2063405 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const WEYL0 = 0x9e3779b9;
const WEYL1 = 0xbb67ae85;
const ROUNDS = 10;

/** `fold` in ASCII: the counter word of derived keys. */
const FOLD = 0x666f6c64;

const WORD = 0xffffffff;

/** Four words of 32 bits, each in the low half of an int64: products wrap to the right bits, and shifts are masked. */
type Block = readonly [TfValue, TfValue, TfValue, TfValue];

const low = (b: GraphBuilder, x: TfValue) => b.by("BitwiseAnd", x, WORD);
const high = (b: GraphBuilder, x: TfValue) => low(b, b.by("RightShift", x, 32));
const xor = (b: GraphBuilder, x: TfValue, y: TfValue) => b.binary("BitwiseXor", x, y);

/** The words of an int32 tensor. */
const words = (b: GraphBuilder, x: TfValue) => low(b, b.cast(x, "int64"));

function encrypt(b: GraphBuilder, counter: Block, key: TfValue): Block {
  const both = words(b, key);
  const [k0, k1] = [0, 1].map((i) => b.slice(both, [i], [1])) as [TfValue, TfValue];
  let [c0, c1, c2, c3] = counter;
  for (let round = 0; round < ROUNDS; round++) {
    const [product0, product1] = [b.by("Mul", c0, M0), b.by("Mul", c2, M1)];
    [c0, c1, c2, c3] = [
      xor(b, xor(b, high(b, product1), c1), bumped(b, k0, WEYL0, round)),
      low(b, product1),
      xor(b, xor(b, high(b, product0), c3), bumped(b, k1, WEYL1, round)),
      low(b, product0),
    ];
  }
  return [c0, c1, c2, c3];
}

/** A key word after some rounds of the Weyl sequence. */
function bumped(b: GraphBuilder, word: TfValue, weyl: number, round: number): TfValue {
  return low(b, b.by("AddV2", word, weyl * round));
}

/** `n` random words: element j is word `j & 3` of block `j >> 2`. */
function randomWords(b: GraphBuilder, key: TfValue, n: number): TfValue {
  const blocks = Math.ceil(n / 4);
  const zero = b.constant([0], [1], "int64");
  const counter = b.constant(range(blocks), [blocks], "int64");
  const block = encrypt(b, [counter, zero, zero, zero], key);
  const columns = block.map((word) => b.reshape(b.expand(word, [blocks]), [blocks, 1]));
  return b.slice(b.reshape(b.concat(columns, 1), [4 * blocks]), [0], [n]);
}

registerLowering("PhiloxFold", (b, { input }) => {
  const zero = b.constant([0], [1], "int64");
  const counter: Block = [b.reshape(words(b, input("data")), [1]), zero, zero, b.constant([FOLD], [1], "int64")];
  const [k0, k1] = encrypt(b, counter, input("key"));
  return b.cast(b.concat([k0, k1], 0), "int32");
});

registerLowering("PhiloxBits", (b, { input, out }) => {
  const { shape } = out();
  return b.reshape(b.cast(randomWords(b, input("key"), product(shape)), "int32"), shape);
});

/** The upper 24 bits of words, exact in float32. */
function fraction(b: GraphBuilder, x: TfValue, add = 0): TfValue {
  const integer = b.cast(b.by("RightShift", x, 8), "float32");
  return b.by("Mul", add === 0 ? integer : b.by("AddV2", integer, add), 2 ** -24);
}

registerLowering("PhiloxUniform", (b, { input, out }) => {
  const { shape } = out();
  return b.reshape(fraction(b, randomWords(b, input("key"), product(shape))), shape);
});

/** Box and Muller, 1958, on consecutive pairs of words. */
registerLowering("PhiloxNormal", (b, { input, out }) => {
  const { shape } = out();
  const n = product(shape);
  const pairs = Math.ceil(n / 2);
  const both = b.reshape(randomWords(b, input("key"), 2 * pairs), [pairs, 2]);
  const [first, second] = [0, 1].map((i) => b.slice(both, [0, i], [pairs, 1])) as [TfValue, TfValue];
  const radius = b.unary("Sqrt", b.by("Mul", b.unary("Log", fraction(b, first, 1)), -2));
  const angle = b.by("Mul", b.cast(fraction(b, second), "float64"), 2 * Math.PI);
  const [cosine, sine] = ["Cos", "Sin"].map((op) => b.cast(b.unary(op, angle), "float32")) as [TfValue, TfValue];
  const normals = b.concat([b.mul(radius, cosine), b.mul(radius, sine)], 1);
  return b.reshape(b.slice(b.reshape(normals, [2 * pairs]), [0], [n]), shape);
});

/** Stable ascending argsort of the words' upper 31 bits: among equals, the largest of negated keys come in the order of their positions. */
registerLowering("PhiloxPermutation", (b, { input, out }) => {
  const [n] = out().shape as [number];
  if (n === 0) return b.filled(0, [0], "int32");
  const sortKeys = b.cast(b.by("RightShift", randomWords(b, input("key"), n), 1), "int32");
  const specs = [
    { shape: [n], type: "int32" as const },
    { shape: [n], type: "int32" as const },
  ];
  return b.multi("TopKV2", [b.unary("Neg", sortKeys), b.scalar(n, "int32")], specs)[1] as TfValue;
});
