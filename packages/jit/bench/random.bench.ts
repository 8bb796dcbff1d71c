/** Drawing on the host, by size; "plain" is the TypeScript that runs where WebAssembly SIMD is missing. Run: npx vitest bench packages/jit */
import { bench, describe } from "vitest";
import {
  foldWords,
  keyWords,
  philoxBits,
  philoxNormal,
  philoxPermutation,
  philoxUniform,
} from "../src/random/philox.js";
import { type Distribution, fillJs } from "../src/random/philox-js.js";

const key = keyWords(0);

describe.each([2560, 100_000])("%i numbers", (n) => {
  const words = new Int32Array(n);
  const floats = new Float32Array(n);
  const plain = (distribution: Distribution) => fillJs(distribution, key, distribution === "bits" ? words : floats);

  bench("bits", () => void philoxBits(key, n, words));
  bench("bits, plain", () => plain("bits"));
  bench("uniform", () => void philoxUniform(key, n, floats));
  bench("uniform into a new array", () => void philoxUniform(key, n));
  bench("uniform, plain", () => plain("uniform"));
  bench("normal", () => void philoxNormal(key, n, floats));
  bench("normal into a new array", () => void philoxNormal(key, n));
  bench("normal, plain", () => plain("normal"));
  bench("Math.random", () => {
    for (let i = 0; i < n; i++) floats[i] = Math.random();
  });
});

describe("others", () => {
  bench("permutation of 60,000", () => void philoxPermutation(key, 60_000));
  bench("fold", () => void foldWords(key, 1));
});
