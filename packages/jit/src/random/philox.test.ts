import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import {
  foldWords,
  keyWords,
  philox4x32,
  philoxBits,
  philoxNormal,
  philoxPermutation,
  philoxUniform,
} from "./philox.js";
import { type Distribution, fillJs } from "./philox-js.js";
import { createFillSimd } from "./philox-simd.js";

const unsigned = (words: Int32Array) => [...words].map((word) => word >>> 0);
const bitsOf = (values: Int32Array | Float32Array) => new Int32Array(values.buffer, values.byteOffset, values.length);

describe("philox4x32", () => {
  // Random123 1.14, tests/kat_vectors, lines "philox4x32 10": counter, key, result.
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])("gives Random123's known answer for counter %j", (counter, key, answer) => {
    expect(unsigned(philox4x32(counter, key))).toEqual(answer);
    const signed = [counter, key].map((words) => words.map((word) => word | 0)) as [number[], number[]];
    expect(unsigned(philox4x32(...signed))).toEqual(answer);
  });
});

describe("keyWords", () => {
  test("splits a safe integer into its low and high words", () => {
    const cases: [number, [number, number]][] = [
      [0, [0, 0]],
      [1, [1, 0]],
      [2 ** 32, [0, 1]],
      [2 ** 53 - 1, [0xffffffff, 0x1fffff]],
      [-1, [0xffffffff, 0xffffffff]],
      [-(2 ** 32), [0, 0xffffffff]],
      [-(2 ** 32) - 1, [0xffffffff, 0xfffffffe]],
    ];
    for (const [seed, words] of cases) expect(unsigned(keyWords(seed)), String(seed)).toEqual(words);
  });

  test.each([0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, "1" as never])("refuses %s", (seed) => {
    expect(() => keyWords(seed)).toThrow(UserError);
    expect(() => keyWords(seed)).toThrow(`got ${seed}`);
  });
});

describe("definitions", () => {
  const key = keyWords(20260801);

  test("element j of the bits is word j & 3 of block j >> 2", () => {
    const bits = philoxBits(key, 103);
    for (let j = 0; j < bits.length; j++) expect(bits[j]).toBe(philox4x32([j >> 2, 0, 0, 0], key)[j & 3]);
  });

  test("the bits do not depend on how many are drawn, past a chunk's end too", () => {
    const all = philoxBits(key, 40_000);
    for (const n of [0, 1, 4, 16_383, 16_384, 16_385, 32_768]) expect(philoxBits(key, n)).toEqual(all.slice(0, n));
    expect(all[39_999]).toBe(philox4x32([9_999, 0, 0, 0], key)[3]);
  });

  test("uniforms are the high 24 bits of the words", () => {
    const bits = philoxBits(key, 1000);
    expect(philoxUniform(key, 1000)).toEqual(Float32Array.from(bits, (word) => (word >>> 8) * 2 ** -24));
  });

  test("normals are Box and Muller's transform of pairs, to float32 rounding (1e-7 relative + 1e-9)", () => {
    const n = 200_000;
    const bits = philoxBits(key, n);
    const normals = philoxNormal(key, n);
    let worst = 0;
    for (let i = 0; i < n; i += 2) {
      const r = Math.sqrt(-2 * Math.log((((bits[i] as number) >>> 8) + 1) * 2 ** -24));
      const angle = 2 * Math.PI * ((bits[i + 1] as number) >>> 8) * 2 ** -24;
      for (const [j, exact] of [
        [i, r * Math.cos(angle)],
        [i + 1, r * Math.sin(angle)],
      ] as const) {
        worst = Math.max(worst, Math.abs((normals[j] as number) - exact) / (Math.abs(exact) + 0.01));
      }
    }
    expect(worst).toBeLessThan(1e-7);
  });

  test("an odd number of normals drops the last", () => {
    expect(philoxNormal(key, 7)).toEqual(philoxNormal(key, 8).slice(0, 7));
  });

  test("folding takes the first two words of the fold's own block", () => {
    expect(foldWords(key, -5)).toEqual(philox4x32([-5, 0, 0, 0x666f6c64], key).slice(0, 2));
  });

  test("a permutation is the stable argsort of the words without their lowest bit", () => {
    const sortKeys = philoxBits(key, 5000).map((word) => word >>> 1);
    const argsort = Int32Array.from(sortKeys, (_, i) => i).sort(
      (a, b) => (sortKeys[a] as number) - (sortKeys[b] as number) || a - b,
    );
    expect(philoxPermutation(key, 5000)).toEqual(argsort);
  });

  test("values are written into a given array", () => {
    const out = new Float32Array(50);
    expect(philoxNormal(key, 50, out)).toBe(out);
    expect(out).toEqual(philoxNormal(key, 50));
  });
});

describe("WebAssembly", () => {
  test("gives the bits of plain TypeScript for every distribution and length", () => {
    const fillSimd = createFillSimd();
    if (fillSimd === undefined) throw new Error("Node has WebAssembly SIMD, but the module did not load");
    for (const distribution of ["bits", "uniform", "normal"] as Distribution[]) {
      for (const [seed, n] of [
        [0, 1],
        [1, 15],
        [2, 16],
        [3, 17],
        [-4, 1001],
        [2 ** 40, 70_001],
      ] as const) {
        const [fast, plain] = [fillSimd, fillJs].map((fill) => {
          const out = distribution === "bits" ? new Int32Array(n) : new Float32Array(n);
          fill(distribution, keyWords(seed), out);
          return out;
        }) as [Float32Array, Float32Array];
        expect(
          Buffer.compare(Buffer.from(bitsOf(fast).buffer), Buffer.from(bitsOf(plain).buffer)),
          `${distribution} ${n}`,
        ).toBe(0);
      }
    }
  });

  test("is assembled from the committed source", () => {
    const script = fileURLToPath(new URL("../../tools/assemble-philox.mjs", import.meta.url));
    expect(() => execFileSync(process.execPath, [script, "--check"], { stdio: "pipe" })).not.toThrow();
  });

  test("is not needed", () => {
    const scope = globalThis as { WebAssembly?: unknown };
    const real = scope.WebAssembly;
    try {
      delete scope.WebAssembly;
      expect(createFillSimd()).toBeUndefined();
      scope.WebAssembly = {
        Module: class {
          constructor() {
            throw new Error("forbidden by policy");
          }
        },
      };
      expect(createFillSimd()).toBeUndefined();
    } finally {
      scope.WebAssembly = real;
    }
  });
});
