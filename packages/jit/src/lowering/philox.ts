import { product } from "./axes.js";
import { by, type KernelBuilder, type LoweredValue } from "./kernel-builder.js";
import type { Register } from "./registry.js";

/** Constants of Philox4x32-10. Salmon et al., 2011, table 2. https://doi.org/10.1145/2063384.2063405 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const WEYL0 = 0x9e3779b9;
const WEYL1 = 0xbb67ae85;
const ROUNDS = 10;

/** `fold` in ASCII: the counter word of derived keys. */
const FOLD = 0x666f6c64;

const WORD = 0xffffffff;

/** How an engine holds words of 32 bits in integers of 64, and what it does with them that kernels do not say. */
export interface Words<B, V extends LoweredValue> {
  /** The type of the integers. The low 64 bits of a product of two words are right in it. */
  readonly type: V["type"];
  /** The words of an int32 tensor. */
  readonly of: (b: B, x: V) => V;
  /** Words as the int32 of the same bits. */
  readonly signed: (b: B, x: V) => V;
  /** `0, 1, …, n - 1`. */
  readonly counting: (b: B, n: number) => V;
  readonly xor: (b: B, x: V, y: V) => V;
  /** A word, or a product of two, without its last `bits` bits. */
  readonly shift: (b: B, x: V, bits: number) => V;
  /** The upper word of a product of two. */
  readonly high: (b: B, product: V) => V;
  /** Cosine and sine, float32, of angles in float64 from 0 to 2 pi. */
  readonly circle: (b: B, angle: V) => readonly [cosine: V, sine: V];
  /** Stable ascending argsort, int32, of the words' upper 31 bits, `n > 0` of them. */
  readonly order: (b: B, words: V, n: number) => V;
}

/** Four words, each of the same number of blocks or of one. */
type Block<V> = readonly [V, V, V, V];

/** Declares the kernels of randomness: Philox4x32-10 and what is made of its words. */
export function registerRandomness<V extends LoweredValue, B extends KernelBuilder<V>>(
  register: Register<B, V>,
  words: Words<B, V>,
): void {
  const philox = new Philox(words);

  register("PhiloxFold", (b, { input }) => {
    const zero = b.constant([0], [1], words.type);
    const data = b.reshape(words.of(b, input("data")), [1]);
    const [k0, k1] = philox.encrypt(b, [data, zero, zero, b.constant([FOLD], [1], words.type)], input("key"));
    return words.signed(b, b.concat([k0, k1], 0));
  });

  register("PhiloxBits", (b, { input, out }) => {
    const { shape } = out();
    return b.reshape(words.signed(b, philox.words(b, input("key"), product(shape))), shape);
  });

  register("PhiloxUniform", (b, { input, out }) => {
    const { shape } = out();
    return b.reshape(philox.fraction(b, philox.words(b, input("key"), product(shape))), shape);
  });

  /** Box and Muller, 1958, on consecutive pairs of words. */
  register("PhiloxNormal", (b, { input, out }) => {
    const { shape } = out();
    const n = product(shape);
    const pairs = Math.ceil(n / 2);
    const both = b.reshape(philox.words(b, input("key"), 2 * pairs), [pairs, 2]);
    const [first, second] = [0, 1].map((i) => b.slice(both, [0, i], [pairs, 1])) as [V, V];
    const radius = b.apply("Sqrt", by(b, "Multiply", b.apply("Log", philox.fraction(b, first, 1)), -2));
    const angle = by(b, "Multiply", b.cast(philox.fraction(b, second), "float64"), 2 * Math.PI);
    const [cosine, sine] = words.circle(b, angle);
    const normals = b.concat([b.mul(radius, cosine), b.mul(radius, sine)], 1);
    return b.reshape(b.slice(b.reshape(normals, [2 * pairs]), [0], [n]), shape);
  });

  register("PhiloxPermutation", (b, { input, out }) => {
    const [n] = out().shape as [number];
    return n === 0 ? b.filled(0, [0], "int32") : words.order(b, philox.words(b, input("key"), n), n);
  });
}

/** Philox4x32-10 in the operators of one engine. */
class Philox<V extends LoweredValue, B extends KernelBuilder<V>> {
  constructor(private readonly of: Words<B, V>) {}

  /** `n` random words: element j is word `j & 3` of block `j >> 2`. */
  words(b: B, key: V, n: number): V {
    const blocks = Math.ceil(n / 4);
    const zero = b.constant([0], [1], this.of.type);
    const block = this.encrypt(b, [this.of.counting(b, blocks), zero, zero, zero], key);
    const columns = block.map((word) => b.reshape(b.expand(word, [blocks]), [blocks, 1]));
    return b.slice(b.reshape(b.concat(columns, 1), [4 * blocks]), [0], [n]);
  }

  encrypt(b: B, counter: Block<V>, key: V): Block<V> {
    const { xor, high } = this.of;
    const both = this.of.of(b, key);
    const [k0, k1] = [0, 1].map((i) => b.slice(both, [i], [1])) as [V, V];
    let [c0, c1, c2, c3] = counter;
    for (let round = 0; round < ROUNDS; round++) {
      const [product0, product1] = [by(b, "Multiply", c0, M0), by(b, "Multiply", c2, M1)];
      [c0, c1, c2, c3] = [
        xor(b, xor(b, high(b, product1), c1), this.#bumped(b, k0, WEYL0, round)),
        low(b, product1),
        xor(b, xor(b, high(b, product0), c3), this.#bumped(b, k1, WEYL1, round)),
        low(b, product0),
      ];
    }
    return [c0, c1, c2, c3];
  }

  /** A key word after some rounds of the Weyl sequence. */
  #bumped(b: B, word: V, weyl: number, round: number): V {
    return round === 0 ? word : low(b, by(b, "Add", word, weyl * round));
  }

  /** The upper 24 bits of words, exact in float32. */
  fraction(b: B, x: V, add = 0): V {
    const integer = b.cast(this.of.shift(b, x, 8), "float32");
    return by(b, "Multiply", add === 0 ? integer : by(b, "Add", integer, add), 2 ** -24);
  }
}

/** The low word. */
function low<V extends LoweredValue>(b: KernelBuilder<V>, x: V): V {
  return by(b, "BitwiseAnd", x, WORD);
}
