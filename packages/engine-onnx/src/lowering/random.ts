import { product } from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
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

/** Four words of 32 bits, each held in uint64: the product of two words fits. */
type Block = readonly [OnnxValue, OnnxValue, OnnxValue, OnnxValue];

const and = (b: OnnxBuilder, x: OnnxValue) => b.binary("BitwiseAnd", x, b.scalar(WORD, "uint64"));
const xor = (b: OnnxBuilder, x: OnnxValue, y: OnnxValue) => b.binary("BitwiseXor", x, y);
const shift = (b: OnnxBuilder, x: OnnxValue, bits: number) =>
  b.binary("BitShift", x, b.scalar(bits, "uint64"), "uint64", { attributes: { direction: "RIGHT" } });

/** The words of an int32 tensor. */
function words(b: OnnxBuilder, x: OnnxValue): OnnxValue {
  return b.cast(b.cast(x, "uint32"), "uint64");
}

/** The two words of a key, scalars. */
function keyWords(b: OnnxBuilder, key: OnnxValue): [OnnxValue, OnnxValue] {
  const [k0, k1] = b.split(words(b, key), [1, 1], 0) as [OnnxValue, OnnxValue];
  return [k0, k1];
}

function encrypt(b: OnnxBuilder, counter: Block, key: readonly [OnnxValue, OnnxValue]): Block {
  let [c0, c1, c2, c3] = counter;
  for (let round = 0; round < ROUNDS; round++) {
    const [k0, k1] = [bumped(b, key[0], WEYL0, round), bumped(b, key[1], WEYL1, round)];
    const product0 = b.by("Mul", c0, M0);
    const product1 = b.by("Mul", c2, M1);
    [c0, c1, c2, c3] = [
      xor(b, xor(b, shift(b, product1, 32), c1), k0),
      and(b, product1),
      xor(b, xor(b, shift(b, product0, 32), c3), k1),
      and(b, product0),
    ];
  }
  return [c0, c1, c2, c3];
}

/** A key word after some rounds of the Weyl sequence. */
function bumped(b: OnnxBuilder, word: OnnxValue, weyl: number, round: number): OnnxValue {
  if (round === 0) return word;
  const step = Number((BigInt(weyl) * BigInt(round)) & BigInt(WORD));
  return and(b, b.by("Add", word, step));
}

/** `n` random words in uint64: element j is word `j & 3` of block `j >> 2`. */
function randomWords(b: OnnxBuilder, key: OnnxValue, n: number): OnnxValue {
  const blocks = Math.ceil(n / 4);
  const zero = b.constant([0], [1], "uint64");
  const counter = b.cast(b.counting(blocks), "uint64");
  const block = encrypt(b, [counter, zero, zero, zero], keyWords(b, key));
  const columns = block.map((word) => b.reshape(b.expand(word, [blocks]), [blocks, 1]));
  return b.slice(b.reshape(b.concat(columns, 1), [4 * blocks]), [0], [n], [0]);
}

/** Words as the int32 of the same bits. */
function signed(b: OnnxBuilder, x: OnnxValue): OnnxValue {
  return b.cast(b.cast(x, "uint32"), "int32");
}

registerLowering("PhiloxFold", (b, { input }) => {
  const zero = b.constant([0], [1], "uint64");
  const counter: Block = [b.reshape(words(b, input("data")), [1]), zero, zero, b.constant([FOLD], [1], "uint64")];
  const [k0, k1] = encrypt(b, counter, keyWords(b, input("key")));
  return signed(b, b.concat([k0, k1], 0));
});

registerLowering("PhiloxBits", (b, { input, out }) => {
  const { shape } = out();
  return b.reshape(signed(b, randomWords(b, input("key"), product(shape))), shape);
});

/** The upper 24 bits of words, exact in float32. */
function fraction(b: OnnxBuilder, x: OnnxValue, add = 0): OnnxValue {
  const integer = b.cast(shift(b, x, 8), "float32");
  return b.by("Mul", add === 0 ? integer : b.by("Add", integer, add), 2 ** -24);
}

registerLowering("PhiloxUniform", (b, { input, out }) => {
  const { shape } = out();
  return b.reshape(fraction(b, randomWords(b, input("key"), product(shape))), shape);
});

/** Box and Muller, 1958, on consecutive pairs of words. The angle is reduced to an eighth of a turn before sine and cosine. */
registerLowering("PhiloxNormal", (b, { input, out }) => {
  const { shape } = out();
  const n = product(shape);
  const pairs = Math.ceil(n / 2);
  const both = b.reshape(randomWords(b, input("key"), 2 * pairs), [pairs, 2]);
  const [first, second] = b.split(both, [1, 1], 1) as [OnnxValue, OnnxValue];
  const radius = b.unary("Sqrt", b.by("Mul", b.unary("Log", fraction(b, first, 1)), -2));
  const angle = b.by("Mul", b.cast(fraction(b, second), "float64"), 2 * Math.PI);
  const [cosine, sine] = [b.unary("Cos", b.cast(angle, "float32")), b.unary("Sin", b.cast(angle, "float32"))];
  const normals = b.concat([b.mul(radius, cosine), b.mul(radius, sine)], 1);
  return b.reshape(b.slice(b.reshape(normals, [2 * pairs]), [0], [n], [0]), shape);
});

/** Stable ascending argsort: the index fills the low bits of a key that is the word's upper 31 bits above. */
registerLowering("PhiloxPermutation", (b, { input, out }) => {
  const [n] = out().shape as [number];
  if (n === 0) return b.filled(0, [0], "int32");
  const sortKeys = b.cast(shift(b, randomWords(b, input("key"), n), 1), "int64");
  const unique = b.add(b.by("Mul", sortKeys, 2 ** 32), b.counting(n));
  const specs = [
    { shape: [n], type: "int64" as const },
    { shape: [n], type: "int64" as const },
  ];
  const [, order] = b.multi("TopK", [unique, b.ints([n])], specs, {
    attributes: { largest: 0, sorted: 1, axis: 0 },
  }) as [OnnxValue, OnnxValue];
  return b.cast(order, "int32");
});
